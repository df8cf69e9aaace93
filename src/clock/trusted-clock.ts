import type { TimeSource } from './time-source.ts';

const minute = 60_000;
/** Steps up to this length are ordinary corrections: NTP and leap seconds make them. Milliseconds. */
const stepTolerance = 10_000;
const restartTolerance = minute;
const shortStop = 5 * minute;
/** The fastest correction that is no step; chrony slews by up to a twelfth. */
const slewRate = 0.1;
/** How long the clocks must agree again before they are trusted. */
const agreementTime = minute;
const shortestSettling = 5 * minute;
const longestSettling = 24 * 60 * minute;

/** What time it is, and how sure that is. Milliseconds since the epoch. */
export interface Moment {
  /** The best guess. */
  readonly now: number;
  /** It is not earlier than this, whichever clock is right, and not later than `latest`. */
  readonly earliest: number;
  readonly latest: number;
  /** While false, nothing may be destroyed or rescheduled by the clock. */
  readonly isCertain: boolean;
}

/** Why the wall clock is not trusted. */
export interface ClockDoubt {
  /** `stepped` while running; at the start `ahead` of what was last recorded, or `behind` it. */
  readonly kind: 'stepped' | 'ahead' | 'behind';
  /** Milliseconds by which the wall clock is ahead of the expected time; negative where it is behind. */
  readonly offsetMs: number;
  /** How long the clock must go on steadily until it is trusted; null for a clock that is days in the past. */
  readonly settlingMs: number | null;
}

/** How a doubt ended: the clock was back, it went on steadily, or an operator confirmed it. */
export type DoubtEnd = 'agreed' | 'settled' | 'confirmed';

interface HeldDoubt extends ClockDoubt {
  /** In time since boot: since when the offset is what it is. */
  readonly since: number;
  /** Since when the clocks agree again; null while they do not. */
  readonly agreeingSince: number | null;
}

/** The moment of a clock that cannot be wrong. */
export function certain(now: number): Moment {
  return { now, earliest: now, latest: now, isCertain: true };
}

/**
 * The wall clock, held against the time since boot, and at the start against what was last recorded. A step leaves it in
 * doubt until the clock is back, has gone on steadily for a tenth of the step, or is confirmed by an operator.
 */
export class TrustedClock {
  readonly #source: TimeSource;
  /** Expected wall time less the time since boot. */
  #bootOffset: number;
  /** Expected wall time less the running time, as of the last look. */
  #runningOffset: number;
  #lookedAt: number;
  #doubt: HeldDoubt | null = null;
  #lastEnd: DoubtEnd | null = null;

  constructor(source: TimeSource) {
    this.#source = source;
    const wall = source.wall();
    this.#lookedAt = source.sinceBoot();
    this.#bootOffset = wall - this.#lookedAt;
    this.#runningOffset = wall - source.running();
  }

  /** Holds the clock against a moment that has passed for certain. For the start. */
  expectAfter(recorded: number): void {
    const wall = this.#source.wall();
    const offsetMs = wall - recorded;
    this.#doubt = fitsStart(offsetMs) ? null : this.#doubted(kindAtStart(offsetMs), offsetMs);
    this.#expect(this.#doubt === null ? wall : recorded, this.#source.sinceBoot());
  }

  get doubt(): ClockDoubt | null {
    return this.#doubt;
  }

  /** How the last doubt ended; null where there was none. */
  get lastEnd(): DoubtEnd | null {
    return this.#lastEnd;
  }

  /** The time as it would be without the doubt. Milliseconds since the epoch. */
  get expected(): number {
    return this.#doubt === null ? this.now() : this.#expected();
  }

  now(): number {
    return this.#doubt === null && this.#isSteady() ? this.#source.wall() : this.moment().now;
  }

  moment(): Moment {
    const wall = this.#source.wall();
    if (this.#doubt === null && this.#isSteady()) return certain(wall);
    const doubt = this.look();
    if (doubt === null) return certain(this.#source.wall());
    const expected = this.#expected();
    return {
      // More services are stopped for long than are started with a wrong clock.
      now: doubt.kind === 'ahead' ? Math.max(wall, expected) : expected,
      earliest: Math.min(wall, expected),
      latest: Math.max(wall, expected),
      isCertain: false,
    };
  }

  /** Compares the clocks now; to be called every second or so. Returns the doubt that there is. */
  look(): ClockDoubt | null {
    const { wall, sinceBoot, passed } = this.#read();
    const offsetMs = wall - sinceBoot - this.#bootOffset;
    if (this.#doubt === null) this.#lookTrusting(offsetMs, passed);
    else this.#lookDoubting(this.#doubt, offsetMs, passed);
    this.#runningOffset = this.#bootOffset + this.#lookedAt - this.#source.running();
    return this.#doubt;
  }

  /** An operator says that the wall clock is right. */
  confirm(): void {
    this.#trust('confirmed');
  }

  #trust(because: DoubtEnd): void {
    const { wall, sinceBoot } = this.#read();
    this.#expect(wall, sinceBoot);
    this.#doubt = null;
    this.#lastEnd = because;
  }

  #expect(wall: number, sinceBoot: number): void {
    this.#bootOffset = wall - sinceBoot;
    this.#runningOffset = wall - this.#source.running();
  }

  #read() {
    const sinceBoot = this.#source.sinceBoot();
    const wall = this.#source.wall();
    const passed = Math.max(0, sinceBoot - this.#lookedAt);
    this.#lookedAt = sinceBoot;
    return { wall, sinceBoot, passed };
  }

  /** Whole milliseconds, as times are stored. */
  #expected(): number {
    return Math.round(this.#source.running() + this.#runningOffset);
  }

  #isSteady(): boolean {
    return Math.abs(this.#source.wall() - this.#source.running() - this.#runningOffset) <= stepTolerance;
  }

  #lookTrusting(offsetMs: number, passed: number): void {
    if (Math.abs(offsetMs) > stepTolerance) this.#doubt = this.#doubted('stepped', offsetMs);
    else this.#bootOffset += slewed(offsetMs, passed);
  }

  #lookDoubting(doubt: HeldDoubt, offsetMs: number, passed: number): void {
    if (this.#agrees(doubt, offsetMs)) {
      const agreeingSince = doubt.agreeingSince ?? this.#lookedAt;
      if (this.#lookedAt - agreeingSince >= agreementTime) this.#trust('agreed');
      else this.#doubt = { ...doubt, offsetMs, agreeingSince };
      return;
    }
    const moved = offsetMs - doubt.offsetMs;
    if (doubt.agreeingSince !== null || Math.abs(moved) > stepTolerance) {
      this.#doubt = this.#doubted(doubt.kind === 'stepped' ? 'stepped' : kindAtStart(offsetMs), offsetMs);
    } else if (doubt.settlingMs !== null && this.#lookedAt - doubt.since >= doubt.settlingMs) {
      this.#trust('settled');
    } else {
      this.#doubt = { ...doubt, offsetMs: doubt.offsetMs + slewed(moved, passed) };
    }
  }

  #agrees({ kind }: HeldDoubt, offsetMs: number): boolean {
    return kind === 'stepped' ? Math.abs(offsetMs) <= stepTolerance : fitsStart(offsetMs);
  }

  #doubted(kind: ClockDoubt['kind'], offsetMs: number): HeldDoubt {
    const tenth = Math.abs(offsetMs) / 10;
    const isPast = kind === 'behind' && -offsetMs > longestSettling;
    const settlingMs = isPast ? null : Math.min(Math.max(tenth, shortestSettling), longestSettling);
    return { kind, offsetMs, settlingMs, since: this.#lookedAt, agreeingSince: null };
  }
}

/** Whether a clock may read so at a start: it drifts while the machine is off, and a short stop proves nothing. */
function fitsStart(offsetMs: number): boolean {
  return offsetMs >= -restartTolerance && offsetMs <= shortStop;
}

function kindAtStart(offsetMs: number): 'ahead' | 'behind' {
  return offsetMs > 0 ? 'ahead' : 'behind';
}

/** The part of a difference that a clock may have been corrected by in the time that passed. */
function slewed(difference: number, passed: number): number {
  const most = slewRate * passed;
  return Math.min(Math.max(difference, -most), most);
}
