/** The entry of the vault's state that holds it; docs/FORMAT.md describes it. */
const stateKey = 'clock/seen';
/** The first byte of every entry in the state. */
const entryFormat = 1;

/** What the process before this one knew of the time. */
export interface RecordedTime {
  /** Milliseconds since the epoch: a moment that has passed for certain. */
  readonly seenAt: number;
  /** Whether the wall clock was in doubt then: what it stamped later proves nothing. */
  readonly inDoubt: boolean;
}

/** The part of the vault's store that keeps it. */
export interface ClockStore {
  state(key: string): Promise<Uint8Array | null>;
  putState(entries: Readonly<Record<string, Uint8Array>>): Promise<void>;
}

/** Null where nothing usable is recorded: a vault that is new, or was last used by an earlier release. */
export async function readRecordedTime(store: ClockStore): Promise<RecordedTime | null> {
  const bytes = await store.state(stateKey);
  if (bytes?.[0] !== entryFormat) return null;
  const text = Buffer.from(bytes).toString('latin1', 1);
  const [, seenAt, doubt] = /^([0-9]{1,15}) (certain|doubted)$/.exec(text) ?? [];
  return seenAt === undefined ? null : { seenAt: Number(seenAt), inDoubt: doubt === 'doubted' };
}

/** Durable when it resolves. */
export async function recordTime(store: ClockStore, { seenAt, inDoubt }: RecordedTime): Promise<void> {
  const text = `${Math.floor(seenAt)} ${inDoubt ? 'doubted' : 'certain'}`;
  await store.putState({ [stateKey]: Buffer.from([entryFormat, ...Buffer.from(text)]) });
}
