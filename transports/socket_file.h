// SocketFile: the file that binding a Unix socket to a path makes.
#pragma once

#include <cstdint>
#include <string>

namespace rain {

// Removes the file when destroyed, if it is still the same one. To be destroyed before the socket is closed: until then no other
// file can get its inode. Thread: any.
class SocketFile {
 public:
  // Of the file that was just bound.
  explicit SocketFile(std::string path);
  ~SocketFile();
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

 private:
  const std::string path_;
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace rain
