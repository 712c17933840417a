import { createRequire } from 'node:module';

interface SystemMap {
  add(system: { readonly name: string }): void;
  remove(name: string): void;
}

/** nact's own list of systems, by name. It calls `add` as a property of this object. */
const list = createRequire(import.meta.url)('nact/lib/system-map') as SystemMap;
const add = list.add.bind(list);
const begun: string[] = [];

list.add = (system) => {
  begun.push(system.name);
  add(system);
};

/**
 * Has nact forget the actors of a world that is over. It knows a system until it is stopped, and a simulated process that is
 * killed stops nothing: each would be kept, with all that its node ever had, until the simulator ends.
 */
export function forgetActorSystems(): void {
  for (const name of begun.splice(0)) list.remove(name);
}
