import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findNatsServer } from '../../src/dev-cluster/nats-server.ts';
import { StartError } from '../../src/errors.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A directory with a program of that name in it. */
function directoryWith(name: string, mode = 0o755): string {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, name), '#!/bin/sh\n');
  chmodSync(join(directory, name), mode);
  return directory;
}

test('it is the one that is named, before one on the path, before one in a usual place', async () => {
  const [named, onPath, usual] = ['a', 'b', 'c'].map(() => directoryWith('nats-server'));
  const NATS_SERVER_BIN = join(named, 'nats-server');
  const PATH = `${temporaryDirectory()}:${onPath}`;
  expect(await findNatsServer({ NATS_SERVER_BIN, PATH }, [usual])).toBe(NATS_SERVER_BIN);
  expect(await findNatsServer({ PATH }, [usual])).toBe(join(onPath, 'nats-server'));
  expect(await findNatsServer({}, [temporaryDirectory(), usual])).toBe(join(usual, 'nats-server'));
});

test('where there is none, the message tells how to install it', async () => {
  const PATH = directoryWith('something-else');
  await expect(findNatsServer({ PATH }, [])).rejects.toThrow(StartError);
  await expect(findNatsServer({ PATH }, [])).rejects.toThrow(
    /`apt-get install nats-server` or `brew install nats-server`.*NATS_SERVER_BIN.*NATS_URL/,
  );
});

test('a name that leads to no program is told, and nothing else is taken instead', async () => {
  const PATH = directoryWith('nats-server');
  const NATS_SERVER_BIN = join(temporaryDirectory(), 'nats-server');
  await expect(findNatsServer({ PATH, NATS_SERVER_BIN }, [])).rejects.toThrow(
    `NATS_SERVER_BIN names ${NATS_SERVER_BIN}`,
  );
});
