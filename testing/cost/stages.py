#!/usr/bin/env python3
"""Tells where the instructions of one call go, stage by stage, of both sides together. Prints Markdown.

Usage: stages.py BUILD

What it measures are the calls of cost_test.py. A function belongs to the first stage that names it, without what it calls.
"""

import os
import re
import sys

import cost_test

CASES = (('tcp', 1), ('tcp', 64), ('same_loop', 1), ('same_loop', 64), ('inproc', 64))
STAGES = (
    ('the caller and the handler themselves', r'EchoCalls|Stepped|main$'),
    ('ask: find the transport, check limits and window, give an id, arm the deadline',
     r'TransportHandle|PostBox|Transport::(Submit|AskDirect|MayWriteDirectly|WindowHas|EncodeDirect|CountSent)|DeadlineLine|StatMachinePool::(Bind|Add)|'
     r'OutgoingPool|LoopGate|ToInt64Nanoseconds|operator[+-]|CheckExpected|NewInLoop|Named'),
    ('encode the message', r'Codec::EncodeMessage|AppendBody|EncodeGuarded|PayloadWriter|memcpy|memmove|RouteOf'),
    ('frame the packet in the output block; the packet codec, both ways', r'Output|LengthPrefix'),
    ('cut packets, read their headers', r'PacketReader|PeekHeader|Transport::(Peek|OnPacket)'),
    ('decode the message', r'DecodeMessage|DecodeGuarded|MessageOf'),
    ('serve: find the handler, answer', r'OnRequest|Router|Answer|TellDirect|HandleNow|Responder|CheckAnswered|Incoming'),
    ('complete: match the reply, count, call back', r'OnReply|StatMachinePool|Transport::Leave|Completion|Depart|rain::Tell$|Refund|Slot|Find'),
    ('buffers and their pool; all locks', r'BufferPool|PoolHome|Buffer::|mutex'),
    ('link and channel: read, write, turn ends', r'Link|Channel|Inproc|Transport::|TurnList|Queue|awaited|pending_bytes|Readiness|Nudge'),
    ('loop: wait, timers, clock; libuv', r''),
)


def stage_of(function):
  return next(name for name, pattern in STAGES if re.search(pattern, function))


def main(build):
  programs = cost_test.Programs(os.path.abspath(build))
  columns = []
  for carrier, parallel in CASES:
    column = dict.fromkeys((name for name, _ in STAGES), 0)
    for function, count in programs.instructions(carrier, parallel).items():
      column[stage_of(function)] += count
    columns.append(column)
  print('| stage | ' + ' | '.join(f'{carrier}, {parallel} at once' for carrier, parallel in CASES) + ' |')
  print('|---|' + '---:|' * len(CASES))
  for name, _ in STAGES:
    print(f'| {name} | ' + ' | '.join(f'{column[name]:,.0f}' for column in columns) + ' |')
  print('| **all** | ' + ' | '.join(f'{sum(column.values()):,.0f}' for column in columns) + ' |')


if __name__ == '__main__':
  if len(sys.argv) != 2:
    sys.exit(__doc__)
  try:
    main(sys.argv[1])
  except cost_test.Skip as why:
    sys.exit(str(why))
