// Run as a process on a terminal of its own: asks for a secret, and tells what it got.

import process from "node:process";
import { askSecret } from "../../../../src/cli/input/ask-secret.ts";
import type { Output } from "../../../../src/cli/render/output.ts";

const output = { flush: async () => {} } as Output;
const answer = await askSecret("Passphrase: ", { stdin: process.stdin, output, signal: new AbortController().signal });
process.stdout.write(`${JSON.stringify({ length: answer?.length, first: answer?.[0] })}\n`);
