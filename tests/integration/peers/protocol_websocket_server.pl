#!/usr/bin/env perl
# Foreign server: Protocol::WebSocket (Debian libprotocol-websocket-perl) for rfc6455, hybi-10, hixie-76 and hixie-75.
# What it prints, and which messages it doesn't echo, says tests/integration/scenarios.py. A process for each connection.
# Usage: protocol_websocket_server.pl [PORT]
use strict;
use warnings;
use Digest::SHA;
use Encode ();
use IO::Socket::INET;
use JSON::PP;
use Protocol::WebSocket::Handshake::Server;

$| = 1;
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
my $JSON = JSON::PP->new->ascii->canonical;
sub tell_them { syswrite STDOUT, $JSON->encode({@_}) . "\n" }    # in one write: all processes have one pipe

my $listener
  = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0] // 0, Listen => 16, ReuseAddr => 1)
  or die "listen: $@\n";
tell_them(port => $listener->sockport);

sub serve {
    my ($socket) = @_;
    my $handshake = Protocol::WebSocket::Handshake::Server->new;
    my $receive = sub { my $size = $socket->sysread(my $bytes, 65536); $size ? $bytes : undef };
    until ($handshake->is_done) {
        my $bytes = $receive->() // return;
        $handshake->parse($bytes) or do { warn $handshake->error; return };
    }
    $socket->syswrite($handshake->to_string);
    my $path = $handshake->req->resource_name;
    my %unlimited = (max_payload_size => undef);
    my $frame = $handshake->build_frame(%unlimited);
    my $send = sub { $socket->syswrite($handshake->build_frame(buffer => $_[0], %unlimited)->to_bytes) };
    my $isClosing = 0;
    my $goodbye = sub {
        $socket->syswrite($handshake->build_frame(type => 'close', buffer => $_[0])->to_bytes) unless $isClosing++;
        $socket->shutdown(1);
    };
    my ($collected, $messages, @closed) = (undef, 0, undef, '');
    while (defined(my $bytes = $receive->())) {
        $frame->append($bytes);
        while (defined(my $message = $frame->next_bytes)) {
            if ($frame->is_close) {
                @closed = (unpack('n', $message), Encode::decode('UTF-8', substr $message, 2)) if length $message >= 2;
                $goodbye->(substr $message, 0, 2);
                next;
            }
            next if $frame->is_pong || $isClosing;
            my ($word, @given) = length $message < 100 ? split / /, $message, 3 : ();
            $word //= '';
            if    ($word eq 'close') { $goodbye->(@given ? pack('n', $given[0]) . $given[1] : '') }
            elsif ($word eq 'wait')  { tell_them(path => $path, waits => $$) }
            elsif ($word eq 'collect') {
                $collected = Digest::SHA->new(1);
                tell_them(path => $path, stops => $$);
                kill 'STOP', $$;
            }
            elsif ($word eq 'sum') { $send->($JSON->encode({messages => $messages, sha1 => $collected->hexdigest})) }
            elsif ($word eq 'pour') { $send->(sprintf('%07d ', $_) x 8192) for 0 .. $given[0] - 1 }
            elsif ($collected) { $messages += 1; $collected->add($message) }
            else               { $send->($message) }
        }
    }
    tell_them(path => $path, closed => \@closed);
}

while (my $socket = $listener->accept) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) { close $listener; serve($socket); exit 0 }
    close $socket;
}
