# What a program's own schema may look like: for tests.
@0xd1b7a4ae6c5e3f92;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("rain::schema");

struct Job {
  id @0 :UInt64;
  name @1 :Text;
  body @2 :Data;
}

struct Order {
  key @0 :Text;             # the id
  kind @1 :UInt8;           # rain::MessageKind
  method @2 :Text;
  lines @3 :List(Line);
  errorCode @4 :UInt8;
  errorText @5 :Text;

  struct Line {
    item @0 :Text;
    count @1 :Int32 = 1;
  }
}
