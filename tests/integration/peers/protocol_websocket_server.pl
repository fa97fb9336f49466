#!/usr/bin/env perl
# Foreign server: Protocol::WebSocket (Debian libprotocol-websocket-perl) for rfc6455, hybi-10, hixie-76 and hixie-75.
# It prints {"port": N} and echoes; the message "close" makes it close. A process for each connection.
use strict;
use warnings;
use IO::Socket::INET;
use Protocol::WebSocket::Handshake::Server;

$| = 1;
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 16, ReuseAddr => 1)
  or die "listen: $@\n";
print '{"port": ', $listener->sockport, "}\n";

sub serve {
    my ($socket) = @_;
    my $handshake = Protocol::WebSocket::Handshake::Server->new;
    my $isOver = 0;
    my $receive = sub { my $size = $socket->sysread(my $bytes, 65536); $size ? $bytes : undef };
    until ($handshake->is_done) {
        my $bytes = $receive->() // return;
        $handshake->parse($bytes) or do { warn $handshake->error; return };
    }
    $socket->syswrite($handshake->to_string);
    my %unlimited = (max_payload_size => undef);
    my $frame = $handshake->build_frame(%unlimited);
    while (defined(my $bytes = $receive->())) {
        $frame->append($bytes);
        while (defined(my $message = $frame->next_bytes)) {
            if ($frame->is_close || $message eq 'close') {
                $socket->syswrite($handshake->build_frame(type => 'close')->to_bytes);
                $socket->shutdown(1);
                return if $frame->is_close;
                next;
            }
            next if $frame->is_pong;
            $socket->syswrite($handshake->build_frame(buffer => $message, %unlimited)->to_bytes);
        }
    }
}

while (my $socket = $listener->accept) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) { close $listener; serve($socket); exit 0 }
    close $socket;
}
