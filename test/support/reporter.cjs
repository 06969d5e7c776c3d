const { reporters, Runner } = require('mocha');

/** Mocha's own, but it says why a test is tried again: otherwise nobody would learn of that. */
module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on(Runner.constants.EVENT_TEST_RETRY, ({ title }, { message }) =>
      console.log(`    tried again: ${title}: ${message}`),
    );
  }
};
