// TLS: tls://name:8899, over TCP, or over any other scheme.
#pragma once

#include <string>

#include "listenrain/framework/channel_generator.h"
#include "listenrain/transports/tcp.h"

namespace rain {

// TLS 1.2 or 1.3, by OpenSSL: forward secrecy and authenticated ciphers alone; no renegotiation, compression or resumption.
// Options, the same for both sides, so that one key serves both; those that are not TLS's go to the scheme below:
//   cert=file, key=file    PEM: a certificate, followed by those that lead to its authority, and its private key, without a
//                          passphrase. Needed to listen; for a dialer, what it proves itself with when it is asked
//   ca=file                PEM: the authorities that are trusted; default, dialing: the system's
//   verify=0|1             dialing, default 1: the peer's certificate must be valid, and for the host of the key. Listening,
//                          default 0: a peer must have a certificate signed by one of `ca`
//   name=host              dialing: what to ask for (SNI) and to verify, instead of the host of the key
//   handshake_timeout=ms   default 10000
//   handshakes=count       listening: peers that may be in their handshakes at a time, default 1000; others wait to be accepted
// The files are read once, when listening or dialing begins.
//
// A channel is handed out as soon as the one below it is, and shakes hands where it lives: many do at a time, on every loop, and
// a silent peer keeps nobody waiting. Meanwhile what is written pends. A handshake that fails closes the channel with
// UNAVAILABLE; a dialer then answers its next Next with that error, at once, so that it counts as an attempt that was refused: by
// back-off, by failover, and by requests that wait. A stream that ends without TLS's own end was cut, and is UNAVAILABLE, not
// OnEnd; a Close with nothing pending tells the peer a proper end. Damaged records are DATA_LOSS. Errors beside those of the
// scheme below: INVALID_ARGUMENT for a missing, unreadable or unfitting file.
//
// OpenSSL does not clean up at exit, as loops may run until the process is gone; a program that uses it before all TLS schemes
// asks for that itself (OPENSSL_INIT_NO_ATEXIT), or ends its ListenRain before main returns.
TransportScheme NewTlsScheme(std::string name = "tls", TransportScheme over = NewTcpScheme());

}  // namespace rain
