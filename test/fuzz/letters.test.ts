import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recover } from '../../src/actors/recovery.ts';
import { RULES } from '../../src/actors/turns.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { InProcessTransport } from '../../src/cluster/messages/in-process-transport.ts';
import { encodeLetter, LetterInvalid } from '../../src/cluster/messages/letter-codec.ts';
import { LetterReader } from '../../src/cluster/messages/letter-reader.ts';
import type { Line } from '../../src/cluster/messages/transport.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { FORMAT, FormatUnknown } from '../../src/formats.ts';
import { emptyLetter } from '../support/empty-letter.ts';
import { FULL } from '../support/full-letter.ts';
import { madeOf } from '../support/made-show.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { attack, expectFound, limitMs, runsOf, Tally } from './attack.ts';
import { brokenLetters, goodLetters, wishes } from './node-letters.ts';

const READ_RUNS = 2_000;
const SENT_RUNS = 250;
/** A node that stumbled answers again after so long. */
const ALIVE_MS = 3_000;

type Read = (bytes: Uint8Array) => unknown;

/** Read, or refused by name. */
function read(bytes: Uint8Array, tally: Tally, reading: Read): void {
  try {
    reading(bytes);
    tally.note('read');
  } catch (error) {
    if (!(error instanceof LetterInvalid || error instanceof FormatUnknown)) throw error;
    tally.note(error.name);
  }
}

describe('what is no letter is refused by name', () => {
  const letters = brokenLetters(goodLetters(FULL));

  test('by a reader that hears all of it', { timeout: limitMs(READ_RUNS) }, async () => {
    const [tally, { timers }] = [new Tally(), manualTime()];
    const reader = new LetterReader(timers);
    await attack(letters, runsOf(READ_RUNS), (bytes) => read(bytes, tally, (each) => reader.read(each)));
    tally.print('letters');
    expect(tally.kinds()).toEqual(['FormatUnknown', 'LetterInvalid', 'read']);
  });

  test('and a reader that trusts the shape of requests is found', async () => {
    const trusting: Read = (bytes) => {
      const [, , requests] = JSON.parse(Buffer.from(bytes).toString()) as [number, string, [number, string][]];
      return requests.map(([number, show]) => [number.toFixed(), show.length]);
    };
    await expectFound(letters, READ_RUNS, (bytes) => read(bytes, new Tally(), trusting), /./);
  });
});

/** Two nodes with a show each, and a third line to them under a name of its own. */
class Scene {
  readonly cluster = new MemoryCluster();
  readonly shows: string[] = [];
  readonly #heard = new Map<string, Set<number>>();
  senders = 0;

  static async open(): Promise<Scene> {
    const scene = new Scene();
    for (const id of ['a', 'b']) await scene.cluster.start(id);
    // Until each has its part of the shards.
    await scene.cluster.advance(3_000);
    for (const id of ['a', 'b']) scene.shows.push(await scene.cluster.showOn(id));
    return scene;
  }

  /** A node that the others have not heard of yet. */
  async newSender(): Promise<{ readonly name: string; readonly line: Line; readonly answered: ReadonlySet<number> }> {
    const name = `nod_stranger_${++this.senders}`;
    const answered = new Set<number>();
    this.#heard.set(name, answered);
    const reader = new LetterReader(this.cluster.time.timers);
    const line = await new InProcessTransport(this.cluster.hub, 'nats').listen(name, {
      message: (bytes) => {
        for (const { number } of reader.read(bytes).answers) answered.add(number);
      },
      unreachable: () => {},
    });
    return { name, line, answered };
  }

  /** Both nodes answer for the last two shows, each by itself or through the other. */
  async expectAlive(): Promise<void> {
    for (const id of ['a', 'b']) {
      for (const show of this.shows.slice(-2)) {
        const asked = this.cluster.node(id).ask(show, { type: 'get-summary' });
        let answer: unknown = null;
        void asked.then((told) => {
          answer = told;
        });
        await settled();
        for (let waited = 0; answer === null && waited < ALIVE_MS; waited += 50) await this.cluster.advance(50);
        expect(answer, `${id} for ${show}`).toMatchObject({ ok: true });
      }
    }
  }

  /** What was journaled makes shows that are whole. */
  async expectWhole(): Promise<void> {
    const { hall, terms, journal } = this.cluster;
    for (const show of this.shows) assertWhole((await recover(show, madeOf(hall, terms), journal, RULES)).show);
  }
}

describe('whatever letter a node gets, it goes on, and what was asked in it is answered,', () => {
  /** Wishes of one letter, to a show of `b`. */
  const inputs = fc.array(wishes, { minLength: 1, maxLength: 4 });

  /** Letters after which another show is asked, since one that is called off sells nothing more. */
  const LETTERS_A_SHOW = 10;

  async function send(scene: Scene, wanted: readonly unknown[], tally: Tally): Promise<void> {
    const { cluster, shows } = scene;
    if (scene.senders % LETTERS_A_SHOW === 0) shows.push(await cluster.showOn('b'));
    const show = shows[shows.length - 1];
    const { name, line, answered } = await scene.newSender();
    const to = cluster.node('b').incarnation ?? '';
    const { epoch } = cluster.tables.shards[shardOf(show)];
    const deadline = cluster.time.clock.now() + 5_000;
    const reader = new LetterReader(cluster.time.timers);
    const sent: number[] = [];
    for (const [i, message] of wanted.entries()) {
      // One letter each: what is wrong with one would have all refused.
      const letter = JSON.parse(Buffer.from(encodeLetter(emptyLetter(name), FORMAT.newest)).toString());
      letter[2] = [[i + 1, show, shardOf(show), epoch, deadline, message]];
      const bytes = Buffer.from(JSON.stringify(letter));
      read(bytes, tally, (each) => {
        reader.read(each);
        sent.push(i + 1);
      });
      line.send(to, bytes, i + 1);
    }
    await settled();
    expect([...answered].sort(), 'every request that can be read is answered').toEqual(sent);
    await line.stop();
    const { logged } = cluster.node('b');
    const stopped = logged.splice(0).filter((message) => message !== 'a message of another node cannot be read');
    expect(stopped).toEqual([]);
  }

  test('whatever it asks of a show', { timeout: limitMs(SENT_RUNS) * 4 }, async () => {
    const [scene, tally] = [await Scene.open(), new Tally()];
    await attack(inputs, runsOf(SENT_RUNS), (wanted) => send(scene, wanted, tally));
    tally.print('wishes');
    expect(tally.of('read')).toBeGreaterThan(0);
    expect(tally.of('LetterInvalid')).toBeGreaterThan(0);
    await scene.expectAlive();
    await scene.expectWhole();
  });

  test('whatever is in it', { timeout: limitMs(SENT_RUNS) * 4 }, async () => {
    const scene = await Scene.open();
    const { cluster, shows } = scene;
    const letters = brokenLetters(
      goodLetters({
        ...FULL,
        // Numbers of requests are heard once of each sender: under another's name its own would count as heard.
        from: 'nod_stranger',
        requests: FULL.requests.map((request) => ({
          ...request,
          showId: shows[1],
          shard: shardOf(shows[1]),
          epoch: 1,
          deadline: cluster.time.clock.now() + 3_600_000,
        })),
        // Who says that it owns a shard is believed until the table says otherwise: nodes do not lie to each other.
        owned: [],
        nudges: shows.map((show) => ({ shard: shardOf(show), epoch: 1, awake: [show] })),
        prepare: [{ number: 1, shows }],
      }),
    );
    const reader = new LetterReader(cluster.time.timers);
    const tally = new Tally();
    await attack(letters, runsOf(SENT_RUNS), async (bytes) => {
      let claims = 0;
      read(bytes, tally, (each) => {
        claims = reader.read(each).owned.length;
      });
      if (claims > 0) return;
      for (const id of ['a', 'b'])
        cluster.node(id === 'a' ? 'b' : 'a').line.send(cluster.node(id).incarnation ?? '', bytes, 1);
      await settled();
      await scene.expectAlive();
    });
    tally.print('letters to nodes');
    expect(tally.of('read')).toBeGreaterThan(0);
    await scene.expectWhole();
  });
});
