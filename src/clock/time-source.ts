import { uptime } from 'node:os';

/** Where time comes from. Only `wall` can jump. */
export interface TimeSource {
  /** Milliseconds since the epoch (UTC); somebody may set it at any moment. */
  wall(): number;
  /** Milliseconds of running time; stands still while the machine sleeps. Costs next to nothing. */
  running(): number;
  /** Milliseconds since the boot, sleep included. Costs a look at a file. */
  sinceBoot(): number;
}

/** The machine's clocks. */
export const systemTime: TimeSource = {
  wall: Date.now,
  running: () => performance.now(),
  sinceBoot() {
    try {
      return uptime() * 1000;
    } catch {
      // A sandbox may hide it. Then sleep looks like a step of the clock, which settles by itself.
      return performance.now();
    }
  },
};
