import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["build/", "dist/", "src/gen/"] },
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      // `run<Result>()`: the type of what a workflow gives is the caller's word.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // `?? ` would keep the "" that stands for none in protos.
      "@typescript-eslint/prefer-nullish-coalescing": "off",
      // Numbers in texts are what they look like.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  {
    files: ["tools/**"],
    languageOptions: { globals: { URL: "readonly", console: "readonly", process: "readonly" } },
  },
  {
    files: ["test/**"],
    // Newer servers have values that the enums of this client lack.
    rules: { "@typescript-eslint/no-unsafe-enum-assignment": "off" },
  },
);
