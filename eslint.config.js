import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// Direction of imports: the leaves below know nothing of the product; only the composition roots
// (lib/powerstrip.ts, lib/socketplaned.ts, lib/cli/) see implementations.
const forbid = (files, folders, message) => ({
  files,
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ regex: `/(${folders.join('|')})/`, message }] }],
  },
});

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './tsconfig.page.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      // Interfaces here are implemented by closures; nothing relies on `this`.
      '@typescript-eslint/unbound-method': 'off',
      'no-console': 'error',
    },
  },
  forbid(
    ['lib/proxy/**'],
    ['network', 'datapath', 'store', 'docker', 'api', 'cli'],
    'the proxy knows nothing of networks',
  ),
  forbid(
    ['lib/datapath/**', 'lib/store/**', 'lib/docker/**'],
    ['proxy', 'network', 'api', 'cli'],
    'implementations are leaves: they see lib/base/model.ts and the helpers only',
  ),
  forbid(
    ['lib/network/**', 'adapters/**'],
    ['proxy', 'api', 'cli', 'datapath/ovs'],
    'network logic sees store, datapath and docker through their interfaces',
  ),
  { files: ['test/**'], rules: { '@typescript-eslint/no-unused-expressions': 'off', 'no-console': 'off' } },
  { files: ['**/*.js', '**/*.cjs'], extends: [tseslint.configs.disableTypeChecked] },
  // Mocha loads its reporters as CommonJS.
  {
    files: ['**/*.cjs'],
    languageOptions: { globals: { require: 'readonly', module: 'writable', console: 'readonly' } },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
