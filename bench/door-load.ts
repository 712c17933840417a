import { KeepAliveConnection } from './keep-alive-connection.ts';
import { Latencies } from './latencies.ts';

export interface DoorLoadOrder {
  readonly kind: 'doors';
  readonly port: number;
  readonly show: string;
  /** The organiser's. */
  readonly token: string;
  /** Each comes once. */
  readonly codes: readonly string[];
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface DoorLoadReport {
  /** Admitted while it was measured, and how long that was. */
  readonly admitted: number;
  readonly seconds: number;
  /** With those of the warm-up. */
  readonly admittedInAll: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly wrong: number;
  readonly firstWrong: string | null;
  /** All codes have come before the time was over. */
  readonly exhausted: boolean;
}

const FIRST_WRONG_LENGTH = 300;

/** Guests come to the doors, each gate (a connection) with its next one when the last was let in. Nobody comes twice. */
export async function runDoorLoad(order: DoorLoadOrder): Promise<DoorLoadReport> {
  const connections = await Promise.all(
    Array.from({ length: order.connections }, () => KeepAliveConnection.open(order.port)),
  );
  const latencies = new Latencies();
  let next = 0;
  let wrong = 0;
  let firstWrong: string | null = null;
  let admittedInAll = 0;

  const drive = async (seconds: number, isMeasured: boolean): Promise<{ admitted: number; seconds: number }> => {
    const start = performance.now();
    const end = start + seconds * 1_000;
    let admitted = 0;
    const gate = async (connection: KeepAliveConnection, number: number): Promise<void> => {
      while (performance.now() < end && next < order.codes.length) {
        const code = order.codes[next++];
        const json = `{"code":"${code}","gate":"Gate ${number}"}`;
        const sent = performance.now();
        const { status, body } = await connection.request(
          `POST /v1/shows/${order.show}/admissions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${order.token}\r\n` +
            `Idempotency-Key: ${code.slice(0, 48)}\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
        );
        if (isMeasured) latencies.record(performance.now() - sent);
        if (status === 200) {
          admitted++;
          continue;
        }
        wrong++;
        firstWrong ??= `${status} ${body.slice(0, FIRST_WRONG_LENGTH)}`;
      }
    };
    await Promise.all(connections.map(gate));
    admittedInAll += admitted;
    return { admitted, seconds: (performance.now() - start) / 1_000 };
  };

  await drive(order.warmUpSeconds, false);
  const measured = await drive(order.seconds, true);
  for (const connection of connections) connection.close();
  return {
    ...measured,
    admittedInAll,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
    wrong,
    firstWrong,
    exhausted: next >= order.codes.length,
  };
}
