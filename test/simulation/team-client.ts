// One of the clients of a team: it writes keys, and groups of keys in bulk, that nobody else writes, reads those of all, and makes, renames and
// removes namespaces of its own. What it is told is judged by what may be there.

import type { Chance } from "../../src/server/chance.ts";
import { errorOf, name, type Reply, type Request, resultOf, type Send } from "./balanced-requests.ts";
import { PossibleVersions } from "./possible-versions.ts";

const SINGLES = [
  ...Array<"short">(6).fill("short"),
  ...Array<"long">(3).fill("long"),
  ...Array<"huge">(2).fill("huge"),
];
const BYTES = { short: 40, long: 100 * 1024, huge: 2 * 1024 * 1024 } as const;
const GROUPS = 2;
const PAIRS = 40;

type Size = keyof typeof BYTES;

interface Single {
  readonly key: string;
  readonly size: Size;
  readonly versions: PossibleVersions;
}

/** Keys that are written, and removed, together. */
interface Group {
  readonly prefix: string;
  readonly keys: readonly string[];
  readonly versions: PossibleVersions;
}

/** Of all clients, in one namespace. */
export interface TeamKeys {
  readonly namespace: string;
  readonly singles: readonly Single[];
  readonly groups: readonly Group[];
}

export interface Judged {
  /** What no server may have answered. */
  readonly wrong: string[];
  readonly acknowledged: Record<string, number>;
}

let contents = 0;

export function teamKeys(namespace: string, clients: number): TeamKeys {
  const [singles, groups]: [Single[], Group[]] = [[], []];
  for (let client = 0; client < clients; client++) {
    for (const [i, size] of SINGLES.entries())
      singles.push({ key: `c${client}/single/${size}-${i}`, size, versions: new PossibleVersions() });
    for (let i = 0; i < GROUPS; i++) {
      const prefix = `c${client}/group-${i}/`;
      const keys = Array.from({ length: PAIRS }, (_, pair) => `${prefix}${String(pair).padStart(2, "0")}`);
      groups.push({ prefix, keys, versions: new PossibleVersions() });
    }
  }
  return { namespace, singles, groups };
}

export interface TeamClient {
  /** One thing that it does, by chance. */
  act(): Promise<void>;
  /** Looks at everything. */
  checkAll(): Promise<void>;
}

interface Parts {
  readonly client: number;
  readonly send: Send;
  readonly chance: Chance;
  readonly keys: TeamKeys;
  readonly judged: Judged;
}

export function openTeamClient({ client, send, chance, keys, judged }: Parts): TeamClient {
  const { singles, groups, namespace } = keys;
  const mine = <T extends { readonly key?: string; readonly prefix?: string }>(all: readonly T[]): readonly T[] =>
    all.filter(({ key, prefix }) => (key ?? prefix ?? "").startsWith(`c${client}/`));
  const one = <T>(all: readonly T[]): T => all[Math.floor(chance() * all.length)]!;
  const wrong = (what: string): void => void judged.wrong.push(`client ${client}: ${what}`);
  const done = (what: string): void => void (judged.acknowledged[what] = (judged.acknowledged[what] ?? 0) + 1);

  function expectStatus(request: Request, reply: Reply, status = 200): boolean {
    if (reply.status === status) return true;
    wrong(`${name(request)} was answered ${reply.status}: ${reply.bytes.toString("utf8", 0, 200)}`);
    return false;
  }

  /** Sends what changes `versions` to `content`, and takes it for done when it is answered. */
  async function change(versions: PossibleVersions, content: number, request: Request, what: string): Promise<void> {
    const version = versions.begin(content);
    const reply = await send(request, () => (version.lostMs = performance.now()));
    if (!expectStatus(request, reply)) return;
    const missed =
      (resultOf(reply) as { readonly unsuccessful_keys?: readonly string[] } | null)?.unsuccessful_keys ?? [];
    if (missed.length > 0) wrong(`${name(request)} did not write ${missed.join(", ")}`);
    versions.acknowledge(version);
    done(what);
  }

  async function write({ key, size, versions }: Single): Promise<void> {
    const content = ++contents;
    const path = `/${namespace}/values/${encodeURIComponent(key)}`;
    const value = valueOf(content, BYTES[size]);
    if (size !== "short") return change(versions, content, { method: "PUT", path, body: value }, `write ${size}`);
    const body = new FormData();
    body.set("value", value.toString());
    body.set("metadata", JSON.stringify({ content }));
    await change(versions, content, { method: "PUT", path, body }, "write short");
  }

  async function read({ key, size, versions }: Single): Promise<void> {
    const request: Request = { method: "GET", path: `/${namespace}/values/${encodeURIComponent(key)}` };
    const reply = await send(request);
    const content = reply.status === 404 && errorOf(reply) === 10009 ? 0 : contentOf(reply.bytes);
    if (content !== 0 && !expectStatus(request, reply)) return;
    if (content !== 0 && !reply.bytes.equals(valueOf(content, BYTES[size])))
      wrong(`${key} is damaged: version ${content}`);
    if (!versions.observe((possible) => possible === content, reply.during))
      wrong(`${key} was version ${content}, and may be ${String(versions)}`);
    done("read");
  }

  async function writeGroup({ keys: members, versions }: Group): Promise<void> {
    const content = ++contents;
    const pairs = members.map((key, i) => ({
      key,
      value: valueOf(content, pairBytes(i)).toString(),
      metadata: { content },
    }));
    const request: Request = { method: "PUT", path: `/${namespace}/bulk`, body: JSON.stringify(pairs) };
    await change(versions, content, request, "bulk write");
  }

  async function readGroup({ keys: members, prefix, versions }: Group): Promise<void> {
    const body = JSON.stringify({ keys: members });
    const request: Request = { method: "POST", path: `/${namespace}/bulk/get`, body };
    const reply = await send(request);
    if (!expectStatus(request, reply)) return;
    const { values } = resultOf(reply) as { readonly values: Readonly<Record<string, string | null>> };
    const texts = members.map((key) => values[key] ?? null);
    const numbers = texts.map((text) => (text === null ? 0 : contentOf(Buffer.from(text))));
    judgeGroup({ prefix, versions }, numbers, reply, "a bulk get");
    for (const [i, text] of texts.entries())
      if (text !== null && text !== valueOf(numbers[i]!, pairBytes(i)).toString()) wrong(`${members[i]} is damaged`);
    done("bulk get");
  }

  function judgeGroup(
    { prefix, versions }: Pick<Group, "prefix" | "versions">,
    numbers: readonly number[],
    { during }: Reply,
    what: string,
  ): void {
    const [number = 0] = numbers;
    const different = new Set(numbers);
    if (different.size > 1) wrong(`${what} of ${prefix} showed a part of a bulk write: ${[...different].join(", ")}`);
    else if (!versions.observe((possible) => possible === number, during))
      wrong(`${what} of ${prefix} showed version ${number}, and it may be ${String(versions)}`);
  }

  /** Of all that the client `owner` writes. */
  async function list(owner: number): Promise<void> {
    const request: Request = { method: "GET", path: `/${namespace}/keys?limit=1000&prefix=c${owner}%2F` };
    const reply = await send(request);
    if (!expectStatus(request, reply)) return;
    const listed = new Map(
      (resultOf(reply) as readonly { readonly name: string; readonly metadata?: { readonly content: number } }[]).map(
        (each) => [each.name, each.metadata?.content],
      ),
    );
    for (const { key, size, versions } of singles.filter((single) => single.key.startsWith(`c${owner}/`))) {
      const [isThere, content] = [listed.has(key), listed.get(key)];
      const isShown = (possible: number): boolean =>
        size === "short" ? possible === (isThere ? content : 0) : (possible !== 0) === isThere;
      if (!versions.observe(isShown, reply.during))
        wrong(`a list ${isThere ? `had ${key} (${content})` : `was without ${key}`}, which may be ${String(versions)}`);
    }
    for (const group of groups.filter(({ prefix }) => prefix.startsWith(`c${owner}/`)))
      judgeGroup(
        group,
        group.keys.map((key) => listed.get(key) ?? 0),
        reply,
        "a list",
      );
    const known = new Set([...singles.map(({ key }) => key), ...groups.flatMap((group) => group.keys)]);
    for (const key of listed.keys()) if (!known.has(key)) wrong(`a list had ${key}, which nobody has written`);
    done("list");
  }

  let namespaces = 0;

  /** Made, renamed, filled, and removed: each step is to be seen as soon as it was answered. */
  async function liveNamespace(): Promise<void> {
    const title = `client-${client}-${++namespaces}`;
    const create: Request = { method: "POST", path: "", body: JSON.stringify({ title }) };
    const created = await send(create);
    // What was lost the first time may have been done.
    const isKnown = created.isRepeated && created.status === 400 && errorOf(created) === 10014;
    if (!isKnown && !expectStatus(create, created)) return;
    const id = isKnown ? await idOf(title) : (resultOf(created) as { readonly id: string }).id;
    if (id === undefined || (await idOf(title)) !== id)
      return wrong(`the namespace ${title} was made, and is not listed`);
    const renamed = `${title}-renamed`;
    const steps: readonly Request[] = [
      { method: "PUT", path: `/${id}`, body: JSON.stringify({ title: renamed }) },
      { method: "PUT", path: `/${id}/bulk`, body: JSON.stringify([{ key: "k", value: "v" }]) },
      { method: "GET", path: `/${id}/values/k` },
    ];
    for (const step of steps) if (!expectStatus(step, await send(step))) return;
    if ((await idOf(renamed)) !== id) return wrong(`the namespace ${title} was renamed, and is not listed so`);
    const remove: Request = { method: "DELETE", path: `/${id}` };
    const removed = await send(remove);
    const isGone = removed.isRepeated && removed.status === 404;
    if (!isGone && !expectStatus(remove, removed)) return;
    for (const path of [`/${id}`, `/${id}/values/k`, `/${id}/keys`]) {
      const look: Request = { method: "GET", path };
      expectStatus(look, await send(look), 404);
    }
    if ((await idOf(renamed)) !== undefined) wrong(`the namespace ${renamed} was removed, and is listed`);
    done("namespace");
  }

  async function idOf(title: string): Promise<string | undefined> {
    const request: Request = { method: "GET", path: "?per_page=100" };
    const reply = await send(request);
    if (!expectStatus(request, reply)) return undefined;
    const all = resultOf(reply) as readonly { readonly id: string; readonly title: string }[];
    return all.find((each) => each.title === title)?.id;
  }

  const acts: readonly (readonly [weight: number, act: () => Promise<void>])[] = [
    [6, () => write(one(mine(singles)))],
    [1.5, () => remove(one(mine(singles)))],
    [6, () => read(one(singles))],
    [3, () => writeGroup(one(mine(groups)))],
    [0.4, () => removeGroup(one(mine(groups)))],
    [4, () => readGroup(one(groups))],
    [2, () => list(Math.floor((chance() * groups.length) / GROUPS))],
    [0.3, liveNamespace],
  ];
  const weights = acts.reduce((sum, [weight]) => sum + weight, 0);

  async function remove({ key, versions }: Single): Promise<void> {
    const request: Request = { method: "DELETE", path: `/${namespace}/values/${encodeURIComponent(key)}` };
    await change(versions, 0, request, "delete");
  }

  async function removeGroup({ keys: members, versions }: Group): Promise<void> {
    const request: Request = { method: "POST", path: `/${namespace}/bulk/delete`, body: JSON.stringify(members) };
    await change(versions, 0, request, "bulk delete");
  }

  return {
    async act() {
      let left = chance() * weights;
      for (const [weight, act] of acts) {
        left -= weight;
        if (left < 0) return act();
      }
    },
    async checkAll() {
      for (const single of singles) await read(single);
      for (const group of groups) await readGroup(group);
      for (let owner = 0; owner < groups.length / GROUPS; owner++) await list(owner);
    },
  };
}

function pairBytes(pair: number): number {
  return pair === 1 ? 200 * 1024 : pair === 2 ? 20 * 1024 : 40;
}

/** It tells its version in its first bytes, and all the rest of it follows from that. */
function valueOf(content: number, length: number): Buffer {
  return Buffer.alloc(length, `${content}:${(content * 2_654_435_761) % 4_294_967_296};`);
}

function contentOf(bytes: Buffer): number {
  return Number.parseInt(bytes.toString("latin1", 0, 12), 10);
}
