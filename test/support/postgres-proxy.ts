// A way to a PostgreSQL's socket that loses one answer: the database has carried out what was asked, and who asked never hears of it.

import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

export interface PostgresProxy {
  /** The URL given, by this way. */
  readonly url: string;
  /** The answer to the next statement or portion of one that has `text` in it is lost: `meanwhile` is done, and then the connection ends. */
  loseAnswerTo(text: string, meanwhile: () => Promise<void>): void;
  close(): void;
}

interface Loss {
  readonly text: string;
  readonly meanwhile: () => Promise<void>;
}

/** `socket`: of the database, as in "/tmp/x/.s.PGSQL.5432". */
export async function openPostgresProxy(url: string, socket: string): Promise<PostgresProxy> {
  const folder = mkdtempSync(join(tmpdir(), "kvsync-pg-proxy-"));
  let loss: Loss | undefined;
  const server = createServer((client: Socket) => {
    const database = connect(socket);
    let lost: Loss | undefined;
    const end = () => {
      client.destroy();
      database.destroy();
    };
    client.on("data", (bytes) => {
      if (loss !== undefined && bytes.includes(loss.text)) {
        lost = loss;
        loss = undefined;
      }
      database.write(bytes);
    });
    database.on("data", (bytes) => {
      if (lost === undefined) client.write(bytes);
      else if (isLast(bytes)) void lost.meanwhile().finally(end);
    });
    for (const side of [client, database]) side.on("error", end).on("close", end);
  });
  await new Promise<void>((resolve) => {
    server.listen(join(folder, basename(socket)), resolve);
  });
  return {
    url: url.replaceAll(encodeURIComponent(dirname(socket)), encodeURIComponent(folder)),
    loseAnswerTo: (text, meanwhile) => void (loss = { text, meanwhile }),
    close: () => {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** ReadyForQuery: the statement is over. A small answer comes as one piece. */
function isLast(bytes: Buffer): boolean {
  return bytes.at(-6) === "Z".charCodeAt(0);
}
