import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { connect } from "../src/index.js";
import { PATIENCE, serve } from "./server.js";

/** A key, and a certificate for the name runs.example that is its own authority. */
function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), "dalsegno-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const what = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=runs.example".split(" ");
  const names = ["-addext", "subjectAltName=DNS:runs.example"];
  execFileSync("openssl", [...what, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const pem = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  rmSync(folder, { recursive: true });
  return pem;
}

await test("a server is trusted by its authority and its name, and gets the token", async (t) => {
  const pem = certificate();
  const tokens: (string | null)[] = [];
  const getRun = (_: unknown, { requestHeader }: { requestHeader: Headers }) => {
    tokens.push(requestHeader.get("authorization"));
    return { run: { runId: "r-1" } };
  };
  const tls = { ca: pem.cert, serverName: "runs.example" };
  const { client, server } = await serve(t, { getRun }, { pem, tls, token: "secret" });

  assert.equal((await client.getRun("r-1")).runId, "r-1");
  for (const wrong of [{ tls: true }, { tls: { ...tls, serverName: "else.example" } }, {}]) {
    const other = connect(server.address, { ...wrong, patience: { ...PATIENCE, connectMs: 0 } });
    await assert.rejects(other.getRun("r-1"), { code: "UNAVAILABLE" });
    other.close();
  }
  assert.deepEqual(tokens, ["Bearer secret"]);
});
