import assert from "node:assert/strict";
import { test } from "node:test";

import ts from "typescript";

const INDEX = "dist/index.d.ts";

/** What is exported, with all its members, as users' editors see it. */
function exported(): { name: string; doc: string }[] {
  const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 };
  const program = ts.createProgram([INDEX], { ...options, types: ["node"] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(INDEX);
  const module = source && checker.getSymbolAtLocation(source);
  assert.ok(module);
  return checker.getExportsOfModule(module).flatMap((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const members = checker
      .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(target))
      .filter((member) => member.declarations?.some((declaration) => isOurs(declaration)));
    const text = (item: ts.Symbol) =>
      ts.displayPartsToString(item.getDocumentationComment(checker));
    return [
      { name: symbol.name, doc: text(target) },
      ...members.map((item) => ({ name: `${symbol.name}.${item.name}`, doc: text(item) })),
    ];
  });
}

/** Not of Error, and none that only we can call. */
function isOurs(declaration: ts.Declaration): boolean {
  const hidden = ts.ModifierFlags.Protected | ts.ModifierFlags.Private;
  return (
    !declaration.getSourceFile().fileName.includes("node_modules") &&
    (ts.getCombinedModifierFlags(declaration) & hidden) === 0 &&
    !declaration.getText().startsWith("#private")
  );
}

await test("every exported name and its members have a doc comment", () => {
  const names = exported();

  assert.ok(names.length > 200);
  assert.deepEqual(
    names.filter(({ doc }) => doc === "").map(({ name }) => name),
    [],
  );
});

await test("users' compilers see nothing of the transport", () => {
  const program = ts.createProgram([INDEX], { module: ts.ModuleKind.NodeNext });
  const files = program.getSourceFiles().map(({ fileName }) => fileName);

  assert.deepEqual(
    files.filter((name) => name.includes("@connectrpc")),
    [],
  );
});
