// A Stateward server for the tests of one file: started on a free port, ended with them.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Stateward {
  static async start() {
    const program = process.env.STATEWARD ?? "stateward";
    const options = ["--clock", "virtual", "--simulated-step", "0s", "--auth", "open", "--port", "0", "--retention", "forever"];
    const child = spawn(program, ["serve", ...options], { stdio: ["ignore", "pipe", "ignore"] });
    const failed = new Promise((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${program} ended with exit code ${code}`)));
    });
    failed.catch(() => {}); // it is asked for below, and its end later is no failure
    const url = await Promise.race([firstAddress(child.stdout), failed]);
    return new Stateward(child, url);
  }

  constructor(child, url) {
    this.child = child;
    this.url = url;
  }

  // What a client of the AWS SDK is made with. Under --auth open any key does.
  get clientSettings() {
    return {
      endpoint: this.url,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    };
  }

  // Turn the clock: { advance: "30d" } or { to: "2030-01-06T02:00:00Z" }. All that became due has been done then.
  clock(turn) {
    return this.#post("clock", turn);
  }

  // Change the fleet: { add: 20, tags: { env: "prod" } }, { script: { status: "Failed", nodes: 3 }, ahead: true }, …
  fleet(wish) {
    return this.#post("fleet", wish);
  }

  async stop() {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
  }

  async #post(path, body) {
    const answer = await fetch(`${this.url}/_stateward/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.message);
    return told;
  }
}

async function firstAddress(output) {
  for await (const line of createInterface({ input: output })) {
    const found = /^Stateward is listening on (\S+)/.exec(line);
    if (found) {
      output.resume();
      return found[1];
    }
  }
  throw new Error("the server ended before it was ready");
}
