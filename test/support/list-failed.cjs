const { appendFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

/** Mocha's own reporter, which also appends the file of each failure to the file that LIST_FAILED names. */
module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on(Runner.constants.EVENT_TEST_FAIL, ({ file }) => {
      if (file && process.env.LIST_FAILED) appendFileSync(process.env.LIST_FAILED, `${file}\n`);
    });
  }
};
