/**
 * Checks what `npm pack` would publish of `dist` as it is: nothing missing, nothing that is not
 * needed, no address of a registry in the lock file; and that it runs and has types where it is
 * unpacked.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const USER = `
import { DalsegnoError, connect, type RunEvent } from "@dalsegno/client";

const client = connect("127.0.0.1:1", { patience: { connectMs: 0 } });
const seen: RunEvent[] = [];
try {
  for await (const event of client.runStream<{ text: string }>("greeting")) {
    seen.push(event);
    if (event.type === "run_completed") console.log(event.result.text);
  }
} catch (error) {
  if (!(error instanceof DalsegnoError) || error.code !== "UNAVAILABLE") throw error;
}
client.close();
`;

process.chdir(HERE);
const folder = mkdtempSync(join(tmpdir(), "dalsegno-"));
try {
    const packed = pack();
    checkFiles(packed.files.map(({ path }) => path));
    checkUse(join(folder, packed.filename));
    console.log(`${packed.filename}: ${packed.files.length} files, ${packed.size} bytes, runs`);
} finally {
    rmSync(folder, { recursive: true });
}
assert.ok(
    !readFileSync("package-lock.json", "utf8").includes('"resolved"'),
    "the lock file names a registry",
);

function pack() {
    const stdio = ["ignore", "pipe", "ignore"];
    const answer = execFileSync(
        "npm",
        ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
        { stdio },
    );
    return JSON.parse(answer)[0];
}

function checkFiles(paths) {
    const always = ["LICENSE", "README.md", "package.json"];
    const isNeeded = (path) => always.includes(path) || /^dist\/.*\.(js|d\.ts)$/.test(path);
    assert.deepEqual(
        paths.filter((path) => !isNeeded(path)),
        [],
        "packed, and not needed",
    );

    const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
    const needed = [...always, ...Object.values(exports["."]).map((path) => path.slice(2))];
    assert.deepEqual(
        needed.filter((path) => !paths.includes(path)),
        [],
        "needed, and not packed",
    );
}

/** Unpacked beside what it depends on, as npm would; strict, and without looking away. */
function checkUse(tarball) {
    const modules = join(folder, "node_modules");
    const target = join(modules, "@dalsegno", "client");
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
    for (const name of ["@bufbuild", "@connectrpc", "@types", "undici-types"]) {
        symlinkSync(join(HERE, "node_modules", name), join(modules, name));
    }
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "user.ts"), USER);
    const strict = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
    const options = ["--module", "nodenext", "--target", "es2022", "--types", "node"];
    const tsc = join(HERE, "node_modules", ".bin", "tsc");
    execFileSync(tsc, [...strict, ...options, "user.ts"], { cwd: folder, stdio: "inherit" });
    execFileSync(process.execPath, ["user.js"], { cwd: folder, stdio: "inherit" });
}
