#include "listenrain/transports/system_error.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

struct Meaning {
  absl::StatusCode code;
  absl::string_view advice;  // empty where the text says it all
};

Meaning MeaningOf(int error) {
  using Code = absl::StatusCode;
  switch (error) {
    case ECONNREFUSED:
      return {Code::kUnavailable, "nobody listens there"};
    case ENOENT:
      return {Code::kUnavailable, "nobody listens there, or a folder of the path is missing"};
    case EADDRINUSE:
      return {Code::kUnavailable, "somebody listens there already: choose another address or end the other"};
    case ECONNRESET:
    case EPIPE:
      return {Code::kUnavailable, "the peer is gone"};
    case EAGAIN:
      return {Code::kUnavailable, "the listener's backlog is full: try later"};
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case ENONET:
    case ENOTCONN:
    case ETIMEDOUT:
      return {Code::kUnavailable, ""};
    case EADDRNOTAVAIL:
      return {Code::kUnavailable, "no interface of this machine has the address, or no local port is left"};
    case EMFILE:
      return {Code::kResourceExhausted, "raise the limit of open files (ulimit -n) or close some"};
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
      return {Code::kResourceExhausted, "the system is short of it"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {Code::kPermissionDenied, "check owner and mode of the path, or the right to use the port"};
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return {Code::kInvalidArgument, "this machine has no such kind of address"};
    case EBADF:
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOTDIR:
    case ENOTSOCK:
    case EOPNOTSUPP:
    case EPROTOTYPE:
      return {Code::kInvalidArgument, ""};
    default:
      return {Code::kInternal, ""};
  }
}

}  // namespace

absl::Status SystemError(int error, absl::string_view where, absl::string_view operation) {
  const int number = std::abs(error);
  const Meaning meaning = MeaningOf(number);
  std::string text = absl::StrCat(where, ": ", operation, ": ", std::generic_category().message(number));
  if (!meaning.advice.empty()) absl::StrAppend(&text, " (", meaning.advice, ")");
  return absl::Status(meaning.code, text);
}

}  // namespace rain
