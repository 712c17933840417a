import { describe, expect, test } from 'vitest';
import { PLAN_LIMITS } from '../../src/allocator/plan.ts';
import { importPlan } from '../../src/allocator/plan-import.ts';
import { hallOf, line, planOf, row, zone } from '../support/plan-fixtures.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests break documents in ways that no type allows
type Document = any;

function good(): Document {
  return structuredClone(
    planOf(
      zone('Stalls', row('s', 'A', line(100, 0, 25, 50)), row('s', 'B', line(140, 0, 25, 50))),
      zone('Balcony', row('b', 'A', line(300, 0, 25))),
    ),
  );
}

/** The faults of a good plan after `change`. */
function faultsAfter(change: (plan: Document) => void) {
  const plan = good();
  change(plan);
  const imported = importPlan(plan);
  return imported.ok ? [] : imported.faults;
}

function warningsAfter(change: (plan: Document) => void) {
  const plan = good();
  change(plan);
  const imported = importPlan(plan);
  if (!imported.ok) throw new Error(JSON.stringify(imported.faults));
  return imported.warnings;
}

const seat = (plan: Document, z: number, r: number, s: number) => plan.zones[z].rows[r].seats[s];

describe('a plan that is not in pretix form', () => {
  test.each([null, 1, 'plan', [], true, {}])('is refused with one fault that says what is expected: %j', (document) => {
    const imported = importPlan(document);
    expect(imported).toMatchObject({ ok: false, faults: [{ pointer: '' }] });
    expect(imported.ok ? '' : imported.faults[0].detail).toContain('pretix form');
  });

  test('is told by the members that were found in it', () => {
    const imported = importPlan({ type: 'schema', offsetX: 126, objects: [{ type: 'section', name: 'VIP' }] });
    expect(imported.ok ? '' : imported.faults[0].detail).toContain(
      'Found an object with "type", "offsetX", "objects".',
    );
  });
});

describe('what the importer refuses', () => {
  test('a seat_guid twice, naming the first place', () => {
    const faults = faultsAfter((plan) => {
      seat(plan, 1, 0, 0).seat_guid = 's-A-2';
      seat(plan, 1, 0, 1).seat_guid = 's-A-2';
    });
    expect(faults.map((fault) => fault.pointer)).toEqual([
      '/zones/1/rows/0/seats/0/seat_guid',
      '/zones/1/rows/0/seats/1/seat_guid',
    ]);
    expect(faults[1].detail).toContain('already that of /zones/0/rows/0/seats/1');
  });

  test('a dirty plan whose rows were copied: every copied guid and label is named', () => {
    const faults = faultsAfter((plan) => plan.zones[0].rows.push(plan.zones[0].rows[0], plan.zones[0].rows[1]));
    expect(faults).toHaveLength(12);
    expect(faults.filter((fault) => fault.pointer.endsWith('/seat_guid'))).toHaveLength(6);
    expect(faults.filter((fault) => fault.pointer.endsWith('/seat_number'))).toHaveLength(6);
  });

  test('the same zone, row and seat number twice, also over two rows or zones of one name', () => {
    const rows = faultsAfter((plan) => {
      plan.zones[0].rows[1].row_number = 'A';
    });
    expect(rows.map((fault) => fault.pointer)).toEqual([0, 1, 2].map((s) => `/zones/0/rows/1/seats/${s}/seat_number`));
    const zones = faultsAfter((plan) => {
      plan.zones[1].name = 'Stalls';
    });
    expect(zones).toHaveLength(2);
  });

  test('a category that is not in the list', () => {
    const faults = faultsAfter((plan) => {
      seat(plan, 0, 1, 2).category = 'Gold';
    });
    expect(faults).toEqual([
      {
        pointer: '/zones/0/rows/1/seats/2/category',
        detail: 'The seat\'s category "Gold" is not in "categories": add it there, or name one that is.',
      },
    ]);
  });

  test('a seat off the plan, counting zone, row and seat together', () => {
    const faults = faultsAfter((plan) => {
      plan.zones[1].position = { x: 500, y: 0 };
      plan.zones[1].rows[0].position = { x: 480, y: 0 };
    });
    expect(faults.map((fault) => fault.pointer)).toEqual(['/zones/1/rows/0/seats/1/position']);
    expect(faults[0].detail).toContain('(1005, 300)');
  });

  test('a plan with nothing to sell', () => {
    expect(faultsAfter((plan) => (plan.zones = []))).toHaveLength(1);
    expect(faultsAfter((plan) => (plan.zones = [{ name: 'Bar', position: { x: 0, y: 0 }, rows: [] }]))).toHaveLength(1);
  });

  test.each<[string, (plan: Document) => void, string]>([
    ['a name that is no string', (plan) => (plan.name = 7), '/name'],
    ['no name, at its object', (plan) => delete plan.name, ''],
    ['zones that are no array', (plan) => (plan.zones = {}), '/zones'],
    ['a zone that is null', (plan) => plan.zones.push(null), '/zones/2'],
    ['a zone without a position', (plan) => delete plan.zones[1].position, '/zones/1'],
    ['a row number that is a number', (plan) => (plan.zones[1].rows[0].row_number = 1), '/zones/1/rows/0/row_number'],
    ['a seat that is a string', (plan) => (plan.zones[0].rows[0].seats[1] = 'A2'), '/zones/0/rows/0/seats/1'],
    ['a blank seat number', (plan) => (seat(plan, 0, 0, 0).seat_number = ' '), '/zones/0/rows/0/seats/0/seat_number'],
    ['no guid', (plan) => delete seat(plan, 0, 0, 0).seat_guid, '/zones/0/rows/0/seats/0'],
    [
      'a control character in a guid',
      (plan) => (seat(plan, 0, 0, 0).seat_guid = 'a\0b'),
      '/zones/0/rows/0/seats/0/seat_guid',
    ],
    [
      'half a surrogate pair',
      (plan) => (seat(plan, 0, 0, 0).seat_guid = '\ud800'),
      '/zones/0/rows/0/seats/0/seat_guid',
    ],
    [
      'a guid too long',
      (plan) => (seat(plan, 0, 0, 0).seat_guid = 'x'.repeat(129)),
      '/zones/0/rows/0/seats/0/seat_guid',
    ],
    [
      'a place that is not finite',
      (plan) => (seat(plan, 0, 0, 0).position.x = Number.NaN),
      '/zones/0/rows/0/seats/0/position/x',
    ],
    ['a place far too far', (plan) => (seat(plan, 0, 0, 0).position.y = 1e300), '/zones/0/rows/0/seats/0/position/y'],
    ['a size of nothing', (plan) => (plan.size.width = 0), '/size/width'],
    ['a category twice', (plan) => plan.categories.push({ name: 'A' }), '/categories/1/name'],
    [
      'a flag that is no boolean',
      (plan) => (seat(plan, 0, 0, 0).usher = { accessible: 'yes' }),
      '/zones/0/rows/0/seats/0/usher/accessible',
    ],
    ['a focal point without y', (plan) => (plan.usher = { focal: { x: 1 } }), '/usher/focal'],
  ])('%s', (_, change, pointer) => {
    expect(faultsAfter(change).map((fault) => fault.pointer)).toEqual([pointer]);
  });

  test('several faults at once, each named', () => {
    const faults = faultsAfter((plan) => {
      plan.name = '';
      seat(plan, 0, 0, 0).category = 'Gold';
      delete seat(plan, 1, 0, 1).position;
    });
    expect(faults.map((fault) => fault.pointer)).toEqual([
      '/name',
      '/zones/0/rows/0/seats/0/category',
      '/zones/1/rows/0/seats/1',
    ]);
  });

  test('more faults than can be read: the first thousand, and how many more', () => {
    const seats = Array.from({ length: PLAN_LIMITS.faults + 5 }, () => 0);
    const faults = faultsAfter((plan) => plan.zones[0].rows.push({ row_number: 'Z', seats }));
    expect(faults).toHaveLength(PLAN_LIMITS.faults + 1);
    expect(faults.at(-1)).toEqual({ pointer: '', detail: '… and 5 more; mend these first.' });
  });

  test('too many seats, told by their count alone', () => {
    const seats = new Array(PLAN_LIMITS.seats + 1).fill(null);
    const faults = faultsAfter((plan) => (plan.zones[0].rows = [{ row_number: 'A', seats }]));
    expect(faults).toHaveLength(1);
    expect(faults[0].detail).toContain('at most 200000');
  });

  test('areas that are wrong: id of a seat, id twice, unknown category and zone, no places', () => {
    const area = { id: 'floor', name: 'Floor', category: 'A', capacity: 100 };
    const faults = faultsAfter((plan) => {
      plan.usher = {
        areas: [area, { ...area, id: 's-A-1' }, area, { ...area, id: 'x', category: 'B', zone: 'Roof', capacity: 0 }],
      };
    });
    expect(faults.map((fault) => fault.pointer)).toEqual([
      '/usher/areas/1/id',
      '/usher/areas/2/id',
      '/usher/areas/3/category',
      '/usher/areas/3/zone',
      '/usher/areas/3/capacity',
    ]);
  });
});

describe('what the importer accepts', () => {
  test('zones that lie over one another', () => {
    expect(
      warningsAfter((plan) => {
        plan.zones[1].rows[0].seats.forEach((one: Document) => {
          one.position.y = 100;
        });
      }),
    ).toEqual([]);
  });

  test('rows 9A and 13A, and rows without a name', () => {
    const plan = planOf(
      zone(
        '',
        row('x', '9', line(100, 0, 25)),
        row('x', '9A', line(140, 0, 25)),
        row('x', '13A', line(180, 0, 25)),
        row('x', '', line(220, 0, 25)),
      ),
    );
    expect(hallOf(plan).rows.map((one) => one.row)).toEqual(['9', '9A', '13A', '']);
  });

  test('a plan of general-admission areas alone', () => {
    const areas = [{ id: 'floor', name: 'Floor', category: 'A', capacity: 900 }];
    const hall = hallOf({ ...planOf(), usher: { areas } });
    expect(hall).toMatchObject({ seatCount: 0, areas: [{ id: 'floor', name: 'Floor', category: 0, capacity: 900 }] });
    expect([...hall.blockStart]).toEqual([0]);
  });

  test('names that are those of prototypes, as names like any other', () => {
    const text = JSON.stringify(good())
      .replaceAll('"A"', '"__proto__"')
      .replaceAll('"s-A-1"', '"constructor"')
      .replaceAll('"Stalls"', '"toString"');
    const hall = hallOf(JSON.parse(text));
    expect(hall.categories).toEqual(['__proto__']);
    expect(hall.seatIndex('constructor')).toBe(0);
    expect(hall.seatIndex('hasOwnProperty')).toBe(-1);
  });

  test('members of a `__proto__` are not those of the document', () => {
    const document = JSON.parse('{"__proto__": {"zones": [], "categories": [], "name": "x"}}');
    expect(importPlan(document)).toMatchObject({ ok: false, faults: [{ pointer: '' }] });
  });

  test('only what it knows: other members are left out, drawings are kept', () => {
    const drawing = { shape: 'text', position: { x: 1, y: 2 }, text: { text: 'Stage' } };
    const plan = good();
    plan.background = 'https://example.org/hall.png';
    plan.zones[0].areas = [drawing];
    seat(plan, 0, 0, 0).uuid = 'f7b1';
    const imported = importPlan(plan);
    if (!imported.ok) throw new Error('refused');
    expect(imported.plan).toEqual({ ...good(), zones: [{ ...good().zones[0], areas: [drawing] }, good().zones[1]] });
  });
});

describe('what the importer warns of', () => {
  test('nothing, if all is well', () => {
    expect(warningsAfter(() => {})).toEqual([]);
  });

  test.each<[string, (plan: Document) => void, string]>([
    ['no size', (plan) => delete plan.size, ''],
    ['a category without seats', (plan) => plan.categories.push({ name: 'B' }), '/categories/1'],
    ['a colour that is none', (plan) => (plan.categories[0].color = 'url(x)'), '/categories/0/color'],
    [
      'two seats of a row on one spot',
      (plan) => (seat(plan, 0, 0, 2).position.x = 25),
      '/zones/0/rows/0/seats/2/position',
    ],
    ['a slip in `usher`', (plan) => (seat(plan, 0, 0, 0).usher = { acessible: true }), '/zones/0/rows/0/seats/0/usher'],
  ])('%s', (_, change, pointer) => {
    expect(warningsAfter(change).map((warning) => warning.pointer)).toEqual([pointer]);
  });

  test('a drawing so deep that writing it would overflow the stack: it is dropped', () => {
    const deep = JSON.parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    const warnings = warningsAfter((plan) => (plan.zones[0].areas = [deep]));
    expect(warnings.map((warning) => warning.pointer)).toEqual(['/zones/0/areas/0']);
  });
});
