#include "listenrain/transports/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "listenrain/transports/socket_address.h"
#include "listenrain/transports/tls_channel.h"

namespace rain {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>;

constexpr absl::string_view kOwnOptions[] = {"cert", "key", "ca", "verify", "name", "handshake_timeout", "handshakes"};
constexpr int kDayInMs = 24 * 60 * 60 * 1000;
constexpr absl::Duration kSameAttempt = absl::Seconds(1);       // after a handshake that failed
constexpr absl::Duration kLeastPause = absl::Milliseconds(10);  // while too many shake hands

struct TlsOptions {
  std::string where;  // the key, for errors
  std::string cert, key, ca, name;
  int verify = 0;
  int handshake_timeout = 10'000;  // milliseconds
  int handshakes = 1000;
};

absl::Status Invalid(const TlsOptions& options, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("transport key \"", options.where, "\": ", what));
}

std::string OptionOf(const TransportKey& key, const char* name) { return std::string(key.option(name).value_or("")); }

// What the certificate of a key's peer should name.
std::string HostOf(const TransportKey& key) {
  const auto at = ParseHostPort(key.address());
  return at.ok() ? at->host : std::string(key.address());
}

absl::StatusOr<TlsOptions> ParseTlsOptions(const TransportKey& key, bool dialing) {
  TlsOptions options;
  options.where = key.text();
  options.cert = OptionOf(key, "cert");
  options.key = OptionOf(key, "key");
  options.ca = OptionOf(key, "ca");
  options.name = OptionOf(key, "name");
  options.verify = dialing ? 1 : 0;
  absl::Status status = key.ReadOption("verify", 0, 1, options.verify);
  if (status.ok()) status = key.ReadOption("handshake_timeout", 1, kDayInMs, options.handshake_timeout);
  if (status.ok()) status = key.ReadOption("handshakes", 1, 1 << 20, options.handshakes);
  if (!status.ok()) return status;
  if (options.name.empty()) options.name = HostOf(key);
  if (options.cert.empty() != options.key.empty()) return Invalid(options, "options \"cert\" and \"key\" go together");
  if (dialing && options.name.size() > TLSEXT_MAXLEN_host_name) {
    return Invalid(options, "no host has so long a name: say a shorter one in option \"name\"");
  }
  if (dialing) return options;
  if (options.cert.empty()) return Invalid(options, "who listens needs a certificate: options \"cert\" and \"key\", PEM files");
  if (options.verify != 0 && options.ca.empty()) {
    return Invalid(options, "option \"verify\" asks for certificates: say in option \"ca\" by whom, a PEM file");
  }
  return options;
}

absl::Status Unfit(const TlsOptions& options, absl::string_view option, absl::string_view file, absl::string_view wanted) {
  return Invalid(options, absl::StrCat("option \"", option, "\": ", file, ": ", OpenSslReason(ERR_peek_error()),
                                       "; it should be a PEM file with ", wanted));
}

absl::Status LoadFiles(SSL_CTX* context, const TlsOptions& options, bool dialing) {
  ERR_clear_error();
  if (!options.cert.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, options.cert.c_str()) != 1) {
      return Unfit(options, "cert", options.cert, "a certificate, and those that lead to its authority");
    }
    if (SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
      return Unfit(options, "key", options.key, "the certificate's private key, without a passphrase");
    }
  }
  if (options.ca.empty()) {
    if (options.verify == 0 || SSL_CTX_set_default_verify_paths(context) == 1) return absl::OkStatus();
    return Invalid(options, absl::StrCat("the system's authorities: ", OpenSslReason(ERR_peek_error()),
                                         "; say in option \"ca\" whom to trust"));
  }
  if (SSL_CTX_load_verify_file(context, options.ca.c_str()) != 1) {
    return Unfit(options, "ca", options.ca, "the certificates of the authorities to trust");
  }
  if (!dialing && options.verify != 0) SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.ca.c_str()));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<SSL_CTX>> NewContext(const TlsOptions& options, bool dialing) {
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);  // loops may still run while the process exits
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(dialing ? TLS_client_method() : TLS_server_method()), SSL_CTX_free);
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return absl::ResourceExhaustedError(absl::StrCat(options.where, ": OpenSSL: ", OpenSslReason(ERR_peek_error())));
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return -1; });  // rather than ask at the terminal
  const int asked = dialing ? SSL_VERIFY_PEER : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context.get(), options.verify != 0 ? asked : SSL_VERIFY_NONE, nullptr);
  absl::Status loaded = LoadFiles(context.get(), options, dialing);
  if (!loaded.ok()) return loaded;
  return context;
}

// From the colon to the options.
absl::string_view PlaceOf(const TransportKey& key) {
  const absl::string_view text = key.text();
  return text.substr(0, text.find('?')).substr(key.scheme().size());
}

// As they stand in a key. TLS's own ones, or the others.
std::string OptionsOf(const TransportKey& key, bool own, char separator) {
  std::string text;
  for (const auto& [name, value] : key.options()) {
    if ((std::find(std::begin(kOwnOptions), std::end(kOwnOptions), name) != std::end(kOwnOptions)) != own) continue;
    absl::StrAppend(&text, absl::string_view(&separator, 1), name, "=", value);
    separator = '&';
  }
  return text;
}

TransportKey KeyBelow(const TransportKey& key, absl::string_view scheme) {
  return absl::StrCat(scheme, PlaceOf(key), OptionsOf(key, false, '?'));
}

// What the listener below is bound to, as a key for TLS, with the options that are TLS's own.
TransportKey BoundKey(const TransportKey& key, const TransportKey& below) {
  const std::string options = OptionsOf(below, false, '?');
  return absl::StrCat(key.scheme(), PlaceOf(below), options, OptionsOf(key, true, options.empty() ? '?' : '&'));
}

// Dialers and listeners. What they know before they ask below is told at the turn's end.
class TlsGenerator final : public ChannelGenerator, private TurnTask {
 public:
  TlsGenerator(std::shared_ptr<const TlsParts> parts, size_t most_handshakes, TransportKey bound_key,
               std::unique_ptr<ChannelGenerator> below)
      : parts_(std::move(parts)), most_handshakes_(most_handshakes), bound_key_(std::move(bound_key)), below_(std::move(below)) {}

  void Next(Loop& loop, Done done) override {
    loop_ = &loop;
    known_ = parts_->dialing ? Refusal() : HasRoom();
    if (!known_.ok()) {
      done_ = std::move(done);
      return loop.AtTurnEnd(*this);
    }
    below_->Next(loop, [parts = parts_, tell = std::move(done)](absl::StatusOr<std::unique_ptr<Channel>> made) mutable {
      if (made.ok()) made = NewTlsChannel(std::move(parts), *std::move(made));
      std::move(tell)(std::move(made));
    });
  }

  // The handshake of a channel is a part of the attempt: its failure is what the next Next tells.
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override {
    if (IsFailedHandshake(why)) {
      refusal_ = absl::Status(why.code(), why.message());
      refused_at_ = loop_->now();
      return absl::ZeroDuration();
    }
    const auto wait = below_->RetryAfter(why, lived);
    const bool full = !parts_->dialing && absl::IsResourceExhausted(why);
    return full && wait.has_value() ? std::max(*wait, kLeastPause) : wait;
  }
  std::optional<absl::Duration> ReviewAfter() override { return below_->ReviewAfter(); }
  void Declined() override { below_->Declined(); }
  TransportKey bound_key() const override { return bound_key_; }

 private:
  void OnTurn() override { std::exchange(done_, nullptr)(std::move(known_)); }

  // What the last attempt came to, if this is a part of it; long ago, another generator may have been asked since.
  absl::Status Refusal() {
    absl::Status refusal = std::exchange(refusal_, absl::OkStatus());
    return loop_->now() - refused_at_ < kSameAttempt ? std::move(refusal) : absl::OkStatus();
  }

  absl::Status HasRoom() const {
    if (parts_->handshakes.load(std::memory_order_relaxed) < most_handshakes_) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat(bound_key_.text(), ": ", most_handshakes_,
                                                     " peers are in their TLS handshakes (option handshakes); others wait"));
  }

  const std::shared_ptr<const TlsParts> parts_;
  const size_t most_handshakes_;
  const TransportKey bound_key_;
  const std::unique_ptr<ChannelGenerator> below_;
  Loop* loop_ = nullptr;
  absl::Status refusal_;  // by the last channel's peer,
  Instant refused_at_;    // and when
  absl::Status known_;    // what to tell
  Done done_;
};

absl::StatusOr<std::unique_ptr<ChannelGenerator>> NewTlsGenerator(const TransportKey& key, const TransportScheme& below,
                                                                  bool dialing) {
  auto options = ParseTlsOptions(key, dialing);
  if (!options.ok()) return options.status();
  auto context = NewContext(*options, dialing);
  if (!context.ok()) return context.status();
  auto generator = (dialing ? below.dial : below.listen)(KeyBelow(key, below.name));
  if (!generator.ok()) {
    if (!absl::IsInvalidArgument(generator.status())) return generator.status();
    return Invalid(*options, absl::StrCat(generator.status().message(), "; of TLS are: ", absl::StrJoin(kOwnOptions, ", ")));
  }
  auto parts = std::make_shared<TlsParts>();
  parts->session.context = *std::move(context);
  if (dialing) parts->session.name = options->name;
  parts->session.blocks = NewBufferPool({.max_idle_bytes = 4 << 20});
  parts->dialing = dialing;
  parts->handshake_timeout = absl::Milliseconds(options->handshake_timeout);
  parts->scheme = std::string(key.scheme());
  parts->scheme_below = below.name;
  TransportKey bound_key = dialing ? key : BoundKey(key, (*generator)->bound_key());
  return std::make_unique<TlsGenerator>(std::move(parts), static_cast<size_t>(options->handshakes), std::move(bound_key),
                                        *std::move(generator));
}

}  // namespace

TransportScheme NewTlsScheme(std::string name, TransportScheme over) {
  const auto shared = std::make_shared<const TransportScheme>(std::move(over));
  return {std::move(name), [shared](const TransportKey& key) { return NewTlsGenerator(key, *shared, true); },
          [shared](const TransportKey& key) { return NewTlsGenerator(key, *shared, false); }};
}

}  // namespace rain
