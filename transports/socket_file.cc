#include "listenrain/transports/socket_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/log.h"
#include "listenrain/transports/system_error.h"

namespace rain {

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat file;
  if (lstat(path_.c_str(), &file) != 0) return;  // gone already: nothing to remove
  device_ = file.st_dev;
  inode_ = file.st_ino;
}

SocketFile::~SocketFile() {
  struct stat file;
  if (lstat(path_.c_str(), &file) != 0 || file.st_dev != device_ || file.st_ino != inode_) return;
  if (unlink(path_.c_str()) == 0) return;
  const absl::Status why = SystemError(errno, "its file stays", "unlink");
  Log(Severity::warning, absl::StrCat("unix listener ", path_), why.message());
}

}  // namespace rain
