# The envelope of the Cap'n Proto message codec (WIRE.md): all of a message but its body, which follows as raw bytes.
@0x9e25a1bef3595861;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("rain::schema");

struct Envelope {
  id @0 :UInt64;           # 0: none
  method @1 :Int64;
  remainingMicros @2 :UInt32;  # 0: no deadline
  code @3 :UInt8;          # of an error reply: absl::StatusCode; else 0
  command @4 :Text;        # counts instead of the method, if not empty
  metadata @5 :List(Entry);
  errorText @6 :Text;      # UTF-8, at most 1 KiB
  errorDetail @7 :Data;    # at most 16 KiB

  struct Entry {
    key @0 :Text;
    value @1 :Data;
  }
}
