// Unseen: what a thread does while one of these lives is hidden from ThreadSanitizer: a tool that keeps threads in step would
// else look like the locks that their code lacks.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define RAIN_UNSEEN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RAIN_UNSEEN 1
#endif
#endif

#ifdef RAIN_UNSEEN
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
}
#endif

namespace rain {

// True where ThreadSanitizer looks on.
#ifdef RAIN_UNSEEN
inline constexpr bool kUnderThreadSanitizer = true;
#else
inline constexpr bool kUnderThreadSanitizer = false;
#endif

// May be nested. Begins and ends on one thread.
class Unseen {
 public:
#ifdef RAIN_UNSEEN
  Unseen() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
  }
  ~Unseen() {
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  Unseen() {}  // NOLINT: not trivial, so that nobody calls it unused
  ~Unseen() {}
#endif
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
};

}  // namespace rain
