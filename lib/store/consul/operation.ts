/** One part of a transaction, in Consul's terms. */
export interface KvOperation {
  Verb:
    'get' | 'get-tree' | 'set' | 'cas' | 'delete' | 'lock' | 'unlock' | 'check-index' | 'check-not-exists';
  Key: string;
  Value?: string;
  Flags?: number;
  Index?: number;
  Session?: string;
}
