// Certificates: an authority of a test's own, and what it signs, as PEM files in a folder that goes with it. For tests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace rain {

// Thread: one at a time.
class Certificates {
 public:
  struct Pair {
    std::string cert;  // a file's path
    std::string key;
    // As options of a transport key.
    std::string options() const { return absl::StrCat("cert=", cert, "&key=", key); }
  };

  explicit Certificates(const std::string& authority = "authority") {
    std::string name = absl::StrCat(testing::TempDir(), "rain-certificates-XXXXXX");
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    authority_ = Certificate(authority, authority_key_.get(), 0, "");
    WriteCertificate("authority", authority_.get());
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  // The authority's certificate.
  std::string ca() const { return PathOf("authority"); }
  // A certificate for `hosts` ("DNS:localhost,IP:127.0.0.1") that began to hold an hour ago and ends after so many seconds.
  Pair Issue(const std::string& name, const std::string& hosts, int seconds = 3600) {
    const Key key = NewKey();
    const auto certificate = Certificate(name, key.get(), seconds, hosts);
    WriteCertificate(name, certificate.get());
    FILE* const file = std::fopen(PathOf(name + "-key").c_str(), "w");
    EXPECT_EQ(PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    std::fclose(file);
    return {PathOf(name), PathOf(name + "-key")};
  }
  std::string PathOf(const std::string& name) const { return absl::StrCat(folder_, "/", name, ".pem"); }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Cert = std::unique_ptr<X509, decltype(&X509_free)>;

  static Key NewKey() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

  // No hosts: the authority's own.
  Cert Certificate(const std::string& name, EVP_PKEY* key, int seconds, const std::string& hosts) {
    Cert made(X509_new(), &X509_free);
    X509* const certificate = made.get();
    const bool is_authority = hosts.empty();
    EXPECT_EQ(X509_set_version(certificate, X509_VERSION_3), 1);
    EXPECT_EQ(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), is_authority ? 3600 : seconds);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509* const issuer = is_authority ? certificate : authority_.get();
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    EXPECT_EQ(X509_set_pubkey(certificate, key), 1);
    const auto extend = [&](int what, const std::string& value) {
      X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
      EXPECT_NE(extension, nullptr) << value;
      X509_add_ext(certificate, extension, -1);
      X509_EXTENSION_free(extension);
    };
    extend(NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (is_authority) extend(NID_key_usage, "critical,keyCertSign");
    if (!is_authority) extend(NID_subject_alt_name, hosts);
    EXPECT_GT(X509_sign(certificate, authority_key_.get(), EVP_sha256()), 0);
    return made;
  }

  void WriteCertificate(const std::string& name, X509* certificate) {
    FILE* const file = std::fopen(PathOf(name).c_str(), "w");
    EXPECT_EQ(PEM_write_X509(file, certificate), 1);
    std::fclose(file);
  }

  std::string folder_;
  long serial_ = 0;
  const Key authority_key_ = NewKey();
  Cert authority_{nullptr, &X509_free};
};

// One for all tests of a program; its folder goes when the program ends.
inline Certificates& TestCertificates() {
  static Certificates certificates;
  return certificates;
}

// Options of a key that serves both sides: for the loopback, by name and by address.
inline const std::string& LoopbackTlsOptions() {
  static const auto& options = *new std::string(absl::StrCat(
      TestCertificates().Issue("loopback", "DNS:localhost,IP:127.0.0.1,IP:::1").options(), "&ca=", TestCertificates().ca()));
  return options;
}

}  // namespace rain
