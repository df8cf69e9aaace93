import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { Gathering } from '../src/gathering.ts';

/** What was worked off at once, by how many there were; the clock stands still until it is set. */
function gather() {
  const state = { waiting: 0, time: 0, worked: [] as number[] };
  const gathering = new Gathering(
    () => state.waiting,
    () => {
      state.worked.push(state.waiting);
      state.waiting = 0;
    },
    () => state.time,
  );
  const add = (count: number) => {
    state.waiting += count;
    gathering.schedule();
  };
  return { state, add };
}

t.test('one alone waits for the end of its turn only', async t => {
  const { state, add } = gather();
  add(1);
  t.same(state.worked, []);
  await turn();
  t.same(state.worked, [1]);
});

t.test('several wait for the turns after it, until one brings no more', async t => {
  const { state, add } = gather();
  add(2);
  await turn();
  add(1);
  await turn();
  add(3);
  await turn();
  t.same(state.worked, []);
  await turn();
  t.same(state.worked, [6]);
});

t.test('but not longer than a millisecond', async t => {
  const { state, add } = gather();
  add(2);
  await turn();
  add(2);
  state.time = 0.9;
  await turn();
  add(2);
  state.time = 1;
  await turn();
  t.same(state.worked, [6]);
});

t.test('what comes later is worked off later', async t => {
  const { state, add } = gather();
  add(1);
  await turn();
  add(1);
  await turn();
  t.same(state.worked, [1, 1]);
});
