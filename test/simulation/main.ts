import { parseArgs } from 'node:util';
import { drawOptions } from './options.ts';
import { drawSchedule } from './schedule.ts';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' }, verbose: { type: 'boolean' } },
});
const [first, count] = [Number(values.seed), Number(values.seeds)];
const started = performance.now();
let [commands, simulatedMs, events, bad] = [0, 0, 0, 0];
for (let seed = first; seed < first + count; seed++) {
  const options = drawOptions(seed);
  const t = performance.now();
  const result = await simulate(options, drawSchedule(options));
  commands += result.commands;
  events += result.events;
  simulatedMs += result.simulatedMs;
  if (values.verbose)
    console.log(seed, result.hash, result.commands, result.events, Math.round(result.simulatedMs / 1000), 's', Math.round(performance.now() - t), 'ms', options.nodes, options.buyers * options.visits);
  if (result.violations.length > 0) {
    bad++;
    console.log(`seed ${seed}:`, result.violations.slice(0, 3));
    if (count === 1) for (const node of result.world.nodes.values()) console.log(node.host, node.logged.slice(-30));
  }
}
const seconds = (performance.now() - started) / 1000; const cpu = process.cpuUsage(); const cpuS=(cpu.user+cpu.system)/1e6; console.log({cpuS, perCpuSecond: Math.round(commands/cpuS), eventsPerCpu: Math.round(events/cpuS)});
console.log({ seeds: count, bad, commands, events, perSecond: Math.round(commands / seconds), hours: simulatedMs / 3_600_000, seconds });
