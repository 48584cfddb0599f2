// arlocal listens on every interface of the machine; a test's server must be heard by nobody else.
const net = require('node:net')
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  const isPort = typeof port === 'number' || (typeof port === 'string' && /^\d+$/.test(port))
  return isPort ? listen.call(this, { port: Number(port), host: '127.0.0.1' }, ...rest) : listen.call(this, port, ...rest)
}
