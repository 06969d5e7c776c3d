/** One part of a transaction, in Consul's words. */
export interface KvOperation {
  Verb:
    'get' | 'get-tree' | 'set' | 'cas' | 'delete' | 'lock' | 'unlock' | 'check-index' | 'check-not-exists';
  Key: string;
  Value?: string;
  Flags?: number;
  Index?: number;
  Session?: string;
}
