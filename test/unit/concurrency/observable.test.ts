import { expect } from 'chai';
import { createCell } from '../../../lib/concurrency/observable.js';

describe('an observable value', () => {
  it('tells those who look of each change, and of what is equal nothing', () => {
    const cell = createCell<{ device: string } | undefined>(undefined);
    const seen: unknown[] = [];
    const unsubscribe = cell.subscribe((value) => seen.push(value));
    cell.set({ device: 'eth0' });
    cell.set({ device: 'eth0' });
    cell.set(undefined);
    unsubscribe();
    cell.set({ device: 'eth1' });
    expect(seen).to.deep.equal([{ device: 'eth0' }, undefined]);
    expect(cell.value).to.deep.equal({ device: 'eth1' });
  });
});
