import Type from 'typebox';
import type { AdmissionList, AdmissionView, TicketAtDoor, UploadedScan } from '../actors/shows.ts';
import { SeatNameSchema, TicketStatusSchema } from './sales-schemas.ts';
import { line, listOf, strict, Time, TimeOut } from './schemas.ts';

/** A code of ours has 134 characters; anything else of this length is looked at and refused. */
const CODE_LENGTH_MAX = 200;
const GATE_LENGTH_MAX = 60;
/** Scans of one upload; a gate with more sends several. */
export const SCANS_PER_UPLOAD_MAX = 200;

const Code = line(1, CODE_LENGTH_MAX, 'As the ticket has it');
const Gate = line(1, GATE_LENGTH_MAX, 'The name of the gate');

export const AdmissionRequest = strict({ code: Code, gate: Type.Optional(Gate), at: Type.Optional(Time) });

const Names = {
  ticketId: Type.String(),
  showId: Type.String(),
  seat: SeatNameSchema,
};
const EntryKindSchema = Type.String({
  enum: ['admission', 'double', 'undone', 'void'],
  description:
    '`admission`: the earliest entry that counts; `double`: another one, so somebody else came in with the same ticket; ' +
    '`undone`: taken back by the organiser; `void`: the ticket was not valid',
});

export const AdmissionSchema = Type.Unsafe<AdmissionView>(
  Type.Object({ ...Names, admittedAt: TimeOut, gate: Type.Optional(Type.String()) }, { title: 'Admission' }),
);

export const TicketAtDoorSchema = Type.Unsafe<TicketAtDoor>(
  Type.Object(
    {
      ...Names,
      ticketStatus: TicketStatusSchema,
      admittedAt: Type.Optional(
        Type.String({ format: 'date-time', description: 'Of its admission; absent without one' }),
      ),
      gate: Type.Optional(Type.String()),
      entries: Type.Array(Type.Object({ at: TimeOut, gate: Type.Optional(Type.String()), kind: EntryKindSchema }), {
        description: 'All that the ledger has of the ticket, earliest first',
      }),
    },
    { title: 'TicketAtDoor' },
  ),
);

type AdmissionPage = AdmissionList & { readonly offset: number; readonly limit: number };

export const AdmissionsSchema = Type.Unsafe<AdmissionPage>(
  Type.Object(
    {
      ...listOf(TicketAtDoorSchema).properties,
      counts: Type.Object({
        valid: Type.Integer({ description: 'Tickets that are valid, used or not' }),
        admitted: Type.Integer({ description: 'Tickets with an admission' }),
        double: Type.Integer({ description: 'Double entries' }),
        void: Type.Integer({ description: 'Entries with codes that were not valid' }),
      }),
    },
    { title: 'Admissions' },
  ),
);

export const ScanUpload = strict({
  gate: Gate,
  scans: Type.Array(strict({ code: Code, at: Time }), { minItems: 1, maxItems: SCANS_PER_UPLOAD_MAX }),
});

/** What became of a scan; a code that is none of this show's names no ticket. */
export type MergedScan = Omit<UploadedScan, 'result'> & {
  readonly result: UploadedScan['result'] | 'code_invalid' | 'another_show';
};

export const MergedScansSchema = Type.Unsafe<{ readonly scans: readonly MergedScan[] }>(
  Type.Object(
    {
      scans: Type.Array(
        Type.Object({
          at: TimeOut,
          result: Type.String({
            enum: [
              'admission',
              'double',
              'undone',
              'void',
              'code_invalid',
              'another_show',
              'unknown',
              'bad_time',
              'no_room',
            ],
            description:
              'The first four stand in the ledger. `code_invalid`: none of ours; `another_show`: of another show; `unknown`: of ' +
              'a ticket that there is not; `bad_time`: before its order, or in the future; `no_room`: too many scans',
          }),
          ticketId: Type.Optional(Type.String()),
          showId: Type.Optional(Type.String()),
          seat: Type.Optional(SeatNameSchema),
          admittedAt: Type.Optional(
            Type.String({ format: 'date-time', description: 'Of the admission that a double entry doubles' }),
          ),
          gate: Type.Optional(Type.String({ description: 'Of that admission' })),
        }),
        { description: 'In the order of the upload' },
      ),
    },
    { title: 'MergedScans' },
  ),
);
