const { reporters, Runner } = require('mocha');

/** Says at once why something has failed: the whole takes hours, and may be broken off. */
module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on(Runner.constants.EVENT_TEST_FAIL, (_test, error) => {
      reporters.Base.consoleLog(String(error.stack ?? error).replace(/^/gm, '      '));
    });
  }
};
