import '../small-scale.ts';
import { replaceInSource } from '../replaced-source.ts';
import { bugNamed } from './bugs.ts';

/*
 * To be imported before anything else: plants a bug in the product as it is loaded, for tests only. To see what it does:
 *
 *     PLANTED_BUG='no fence' node --import ./test/simulation/planted/plant.ts test/simulation/main.ts --seed 1
 */

const name = process.env.PLANTED_BUG;
if (name === undefined) throw new Error('PLANTED_BUG names the bug that is to be planted');
const { file, find, replace } = bugNamed(name);
replaceInSource(file, find, replace);
