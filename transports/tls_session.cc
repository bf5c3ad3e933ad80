#include "listenrain/transports/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

static_assert(TlsSession::kRecordBytes == SSL3_RT_MAX_PLAIN_LENGTH);
constexpr size_t kRecordOverhead = 64;  // header, nonce, tag; what is more finds another block
constexpr size_t kSmallestBlock = 256;

// What to do about the errors that are met most; empty where their text says it all.
absl::string_view AdviceFor(int reason, long verified) {
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      switch (verified) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
          return "dial the peer by a name that its certificate has, or say that name in option name";
        case X509_V_ERR_CERT_HAS_EXPIRED:
          return "the peer's certificate must be renewed";
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
          return "if its authority is to be trusted, name that one's certificate in option ca";
        default:
          return "";
      }
    case SSL_R_HTTP_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
      return "the peer seems to speak no TLS";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return "both sides need TLS 1.2 or 1.3";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "who dials needs a certificate: options cert and key";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "the peer does not trust the authority of our certificate";
    default:
      return "";
  }
}

}  // namespace

// OpenSSL's calls for ciphertext.
struct TlsBio {
  static TlsSession& SessionOf(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* to, int size) {
    Buffer& incoming = SessionOf(bio).incoming_;
    BIO_clear_retry_flags(bio);
    const size_t count = std::min(incoming.size(), static_cast<size_t>(size));
    if (count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(to, incoming.data(), count);
    incoming.RemovePrefix(count);
    if (incoming.empty()) incoming = Buffer();
    return static_cast<int>(count);
  }

  static int Write(BIO* bio, const char* from, int size) {
    TlsSession& session = SessionOf(bio);
    BIO_clear_retry_flags(bio);
    const auto count = static_cast<size_t>(size);
    if (session.block_.size() - session.block_used_ < count) {
      session.CutBlock();
      session.block_ = session.parts_.blocks->Allocate(std::max({count, session.expected_bytes_, kSmallestBlock}));
      if (session.block_.empty()) return -1;
    }
    std::memcpy(session.block_.mutable_data() + session.block_used_, from, count);
    session.block_used_ += count;
    session.ciphertext_bytes_ += count;
    return size;
  }

  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  // Null if there is no memory.
  static BIO_METHOD* Method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "listenrain");
      if (made == nullptr) return made;
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }

  static bool Attach(SSL* ssl, TlsSession& session) {
    BIO* const bio = ssl == nullptr || Method() == nullptr ? nullptr : BIO_new(Method());
    if (bio == nullptr) return false;
    BIO_set_data(bio, &session);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return true;
  }
};

namespace {

// A numeric address is looked for among the certificate's addresses, and no server is asked for by it.
bool SetName(SSL* ssl, const std::string& name) {
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1) return true;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set_tlsext_host_name(ssl, name.c_str()) == 1 && SSL_set1_host(ssl, name.c_str()) == 1;
}

}  // namespace

TlsSession::TlsSession(const Parts& parts, const std::string& where)
    : parts_(parts), where_(where), ssl_(SSL_new(parts.context.get())) {
  ERR_clear_error();
  if (!TlsBio::Attach(ssl_, *this) || (!parts_.name.empty() && !SetName(ssl_, parts_.name))) {
    failure_ =
        absl::ResourceExhaustedError(absl::StrCat(where_, ": OpenSSL makes no connection: ", OpenSslReason(ERR_peek_error())));
  } else if (SSL_is_server(ssl_) == 1) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

TlsResult TlsSession::Handshake() {
  ERR_clear_error();
  const TlsResult result = ResultOf(SSL_do_handshake(ssl_));
  handshaken_ = result == TlsResult::done;
  return result;
}

void TlsSession::Feed(Buffer ciphertext) { incoming_ = std::move(ciphertext); }

TlsResult TlsSession::Peek() {
  char first;
  size_t got = 0;
  ERR_clear_error();
  return ResultOf(SSL_peek_ex(ssl_, &first, 1, &got));
}

size_t TlsSession::ready_bytes() const { return static_cast<size_t>(SSL_pending(ssl_)); }

TlsResult TlsSession::Read(char* to, size_t room, size_t& got) {
  ERR_clear_error();
  return ResultOf(SSL_read_ex(ssl_, to, room, &got));
}

TlsResult TlsSession::Write(const char* bytes, size_t size, size_t expected_bytes) {
  expected_bytes_ = expected_bytes + (expected_bytes / kRecordBytes + 1) * kRecordOverhead;
  ERR_clear_error();
  size_t written = 0;
  const TlsResult result = ResultOf(SSL_write_ex(ssl_, bytes, size, &written));
  expected_bytes_ = 0;
  return result;
}

TlsResult TlsSession::WriteEnd() {
  ERR_clear_error();
  const TlsResult word = ResultOf(SSL_do_handshake(ssl_));  // the peer's, if it is amid one
  return word == TlsResult::done && SSL_shutdown(ssl_) < 0 ? ResultOf(-1) : word;
}

bool TlsSession::Rekey() {
  return SSL_version(ssl_) == TLS1_3_VERSION && SSL_key_update(ssl_, SSL_KEY_UPDATE_NOT_REQUESTED) == 1;
}

void TlsSession::CutBlock() {
  if (block_used_ > 0) {
    block_.Truncate(std::exchange(block_used_, 0));
    outgoing_.push_back(std::move(block_));
  }
  block_ = Buffer();
}

absl::Span<const Buffer> TlsSession::Ciphertext() {
  CutBlock();
  return outgoing_;
}

TlsResult TlsSession::ResultOf(int returned) {
  if (returned == 1) return TlsResult::done;
  const int error = SSL_get_error(ssl_, returned);
  if (error == SSL_ERROR_WANT_READ) return TlsResult::wants_more;
  if (error == SSL_ERROR_ZERO_RETURN) return TlsResult::ended;
  failure_ = WhyFailed(error);
  return TlsResult::failed;
}

absl::Status TlsSession::WhyFailed(int ssl_error) const {
  const unsigned long error = ERR_peek_last_error();  // of TLS itself; what came before it is of lower layers
  const int reason = ERR_GET_REASON(error);
  if (ssl_error == SSL_ERROR_SYSCALL || reason == ERR_R_MALLOC_FAILURE) {
    return absl::ResourceExhaustedError(absl::StrCat(where_, ": no memory for TLS"));
  }
  const long verified = SSL_get_verify_result(ssl_);
  std::string text = absl::StrCat(where_, handshaken_ ? ": TLS: " : ": TLS handshake: ", OpenSslReason(error));
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    absl::StrAppend(&text, ": ", X509_verify_cert_error_string(verified));
    if (!parts_.name.empty()) absl::StrAppend(&text, ", for ", parts_.name);
  }
  if (const absl::string_view advice = AdviceFor(reason, verified); !advice.empty()) absl::StrAppend(&text, " (", advice, ")");
  const bool told_by_peer = reason >= SSL_AD_REASON_OFFSET;
  return absl::Status(!handshaken_ || told_by_peer ? absl::StatusCode::kUnavailable : absl::StatusCode::kDataLoss, text);
}

std::string OpenSslReason(unsigned long error) {
  if (ERR_SYSTEM_ERROR(error)) return std::generic_category().message(ERR_GET_REASON(error));
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : absl::StrCat("error ", error);
}

}  // namespace rain
