/** Names of networks that calls of clients are about to change. */
export interface HeldNames {
  /** Holds the name until the returned function is called; several calls may hold one name. */
  hold(name: string): () => void;
  has(name: string): boolean;
}

/** @param onRelease called when somebody has let go of a name */
export function createHeldNames(onRelease: () => void): HeldNames {
  /** How many calls hold each name. */
  const counts = new Map<string, number>();
  return {
    hold(name) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (counts.get(name) ?? 1) - 1;
        if (left > 0) counts.set(name, left);
        else counts.delete(name);
        onRelease();
      };
    },
    has: (name) => counts.has(name),
  };
}
