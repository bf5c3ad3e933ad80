// RAIN_UNDER_SANITIZER: 1 if an address or thread sanitizer stands between the program and its memory, else 0.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RAIN_UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RAIN_UNDER_SANITIZER 1
#endif
#endif

#ifndef RAIN_UNDER_SANITIZER
#define RAIN_UNDER_SANITIZER 0
#endif
