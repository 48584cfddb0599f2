// arlocal takes for the id what stands between the first '/tx' and the next, and so never finds one that begins with
// "tx": one in 4096 transactions would be taken, paid for, and said not to exist.
const Module = require('node:module')
const compile = Module.prototype._compile
Module.prototype._compile = function (source, file, ...rest) {
  if (/arlocal.bin.middlewares.transaction\.js$/.test(file)) {
    const mended = source.replace("ctx.request.url.split('/tx')[1]", "ctx.request.url.slice('/tx'.length)")
    if (mended === source) throw new Error('arlocal is another one than this mends')
    source = mended
  }
  return compile.call(this, source, file, ...rest)
}
