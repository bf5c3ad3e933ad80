// TlsSession: one side of a TLS connection by OpenSSL, which here neither knows of sockets nor waits: ciphertext is put in and
// taken out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"

struct bio_st;  // of <openssl/ssl.h>
struct ssl_ctx_st;
struct ssl_st;

namespace rain {

// What OpenSSL says: `wants_more` of the peer's ciphertext; `ended` by the peer, properly.
enum class TlsResult { done, wants_more, ended, failed };

// Made by a channel when it starts. Thread: one at a time. What one call wrote for the peer is to be sent before the next.
class TlsSession {
 public:
  struct Parts {
    std::shared_ptr<ssl_ctx_st> context;
    std::string name;  // dialing: the peer's, which its certificate must have, if the context verifies; else empty
    std::shared_ptr<BufferPool> blocks;  // for ciphertext
  };
  static constexpr size_t kRecordBytes = 16 << 10;  // of plaintext, at most

  // `where` and `parts` are borrowed. Its failure() is an error at once if there is no memory for it.
  TlsSession(const Parts& parts, const std::string& where);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Next step of the handshake: done, wants_more or failed. Begins it, if that is ours to do.
  TlsResult Handshake();
  // The peer's next ciphertext. What was fed before has been used up.
  void Feed(Buffer ciphertext);
  // Done if there is plaintext to be had.
  TlsResult Peek();
  // How much of it can be had for sure, after Peek or Read.
  size_t ready_bytes() const;
  // Some of it, of one record at most.
  TlsResult Read(char* to, size_t room, size_t& got);
  // Makes one record; `expected_bytes` of plaintext, this included, will be written in a row. It wants more while the peer is
  // amid a word of TLS's own: then nothing was written.
  TlsResult Write(const char* bytes, size_t size, size_t expected_bytes);
  // Tells the peer the end of what we write. Not after a failure. Wants more when Write would.
  TlsResult WriteEnd();
  // What is written from now on has another key. False if the version cannot do that (only 1.3 can), or the peer is amid a word.
  bool Rekey();

  // All the ciphertext ever made, in bytes.
  uint64_t ciphertext_bytes() const { return ciphertext_bytes_; }
  // What was made since the last ClearCiphertext.
  absl::Span<const Buffer> Ciphertext();
  void ClearCiphertext() { outgoing_.clear(); }
  // After `failed`: UNAVAILABLE in the handshake, or told by the peer; DATA_LOSS for damaged records; RESOURCE_EXHAUSTED.
  const absl::Status& failure() const { return failure_; }

 private:
  friend struct TlsBio;  // how OpenSSL gets at the ciphertext
  TlsResult ResultOf(int returned);
  absl::Status WhyFailed(int ssl_error) const;
  void CutBlock();

  const Parts& parts_;
  const std::string& where_;
  ssl_st* const ssl_;
  Buffer incoming_;               // that OpenSSL has not taken yet
  std::vector<Buffer> outgoing_;  // full blocks
  Buffer block_;                  // and the one after them,
  size_t block_used_ = 0;         // which is filled so far
  size_t expected_bytes_ = 0;     // of ciphertext
  uint64_t ciphertext_bytes_ = 0;
  bool handshaken_ = false;
  absl::Status failure_;
};

// OpenSSL's words for an error of its queue.
std::string OpenSslReason(unsigned long error);

}  // namespace rain
