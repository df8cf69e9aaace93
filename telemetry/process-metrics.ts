import type { Meter } from '@opentelemetry/api';
import { metricDefinition } from './catalogue.ts';
import { createGauge } from './gauges.ts';

/** What is read of the process; Node's `process` fits. */
export interface ProcessFacts {
  readonly version: string;
  /** Bytes. */
  memoryUsage(): { readonly rss: number; readonly heapUsed: number; readonly external: number };
  /** Microseconds since the start. */
  cpuUsage(): { readonly user: number; readonly system: number };
}

/** Observes build, start time, CPU and memory of this process. */
export function observeProcess(meter: Meter, facts: ProcessFacts, serviceVersion: string): void {
  const buildInfo = createGauge(meter, 'build_info');
  const startTime = createGauge(meter, 'process_start_time_seconds');
  const residentMemory = createGauge(meter, 'process_resident_memory_bytes');
  const heapUsed = createGauge(meter, 'process_heap_used_bytes');
  const externalMemory = createGauge(meter, 'process_external_memory_bytes');
  const { instrument, unit } = metricDefinition('process_cpu_seconds_total');
  const cpuTime = meter.createObservableCounter(instrument, { unit });

  meter.addBatchObservableCallback(
    result => {
      const memory = facts.memoryUsage();
      const cpu = facts.cpuUsage();
      result.observe(buildInfo, 1, { version: serviceVersion, node_version: facts.version });
      result.observe(startTime, performance.timeOrigin / 1000);
      result.observe(residentMemory, memory.rss);
      result.observe(heapUsed, memory.heapUsed);
      result.observe(externalMemory, memory.external);
      result.observe(cpuTime, (cpu.user + cpu.system) / 1e6);
    },
    [buildInfo, startTime, residentMemory, heapUsed, externalMemory, cpuTime],
  );
}
