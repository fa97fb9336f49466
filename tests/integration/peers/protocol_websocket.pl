#!/usr/bin/env perl
# Foreign client: Protocol::WebSocket (Debian libprotocol-websocket-perl) for rfc6455, hybi-10, hixie-76 and hixie-75.
# Usage: protocol_websocket.pl draft-ietf-hybi-17|draft-ietf-hybi-10|draft-hixie-76|draft-hixie-75 HOST PORT PATH
use strict;
use warnings;
use utf8;
use Encode ();
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Protocol::WebSocket::Handshake::Client;

# Our draft names, and what the module calls them; in its responses 8 and 13 are one.
my %DRAFTS = (
    'draft-ietf-hybi-17' => ['rfc6455',  'draft-ietf-hybi-17', 'draft-ietf-hybi-10'],
    'draft-ietf-hybi-10' => ['hybi-10',  'draft-ietf-hybi-10', 'draft-ietf-hybi-10'],
    'draft-hixie-76'     => ['hixie-76', 'draft-ietf-hybi-00', 'draft-ietf-hybi-00'],
    'draft-hixie-75'     => ['hixie-75', 'draft-hixie-75',     'draft-hixie-75'],
);
# The last is 100,000 bytes of UTF-8. A server of streams has no empty messages.
my @MESSAGES = grep { length || !$ENV{NO_EMPTY} } ('héllo ✓ 𝄞', '', 'aé✓𝄞' x 10_000);
my ($OVERALL, $CLOSING) = (20, 5);                     # seconds

sub run {
    my ($wanted, $host, $port, $path) = @_;
    my ($draft, $version, $answer) = @{$DRAFTS{$wanted // ''} || die "unknown draft\n"};
    my $socket = IO::Socket::INET->new(PeerHost => $host, PeerPort => $port, Proto => 'tcp', Timeout => 5)
      or die "connect: $@\n";
    my $send = sub { $socket->syswrite($_[0]) // die "write: $!\n" };    # blocking: all or nothing
    my $receive = sub {                                                 # '' once the server has ended TCP
        IO::Select->new($socket)->can_read($_[0]) or die "nothing received for $_[0] s\n";
        $socket->sysread(my $bytes, 65536) // die "read: $!\n";
        $bytes;
    };

    my $handshake = Protocol::WebSocket::Handshake::Client->new(url => "ws://$host:$port$path", version => $version);
    $send->($handshake->to_string);
    my $rest = '';
    until ($handshake->is_done) {
        my $bytes = $receive->($OVERALL);
        die "TCP ended in the handshake\n" if $bytes eq '';
        $handshake->parse($bytes) or die 'handshake: ' . $handshake->error . "\n";
        $rest = $bytes;    # what parse() left over
    }
    die 'answered as ' . $handshake->res->version . "\n" if $handshake->res->version ne $answer;

    # The module's own limit is 65,536 bytes a message.
    my %unlimited = (max_payload_size => undef);
    my $incoming = $handshake->build_frame(masked => 0, %unlimited);
    $incoming->append($rest);
    for my $message (@MESSAGES) {
        $send->($handshake->build_frame(buffer => $message, %unlimited)->to_bytes);
        my $echo;
        until (defined($echo = $incoming->next_bytes) && $incoming->is_text) {
            die "the server closed early\n" if defined $echo && $incoming->is_close;
            $send->($handshake->build_frame(type => 'pong', buffer => $echo)->to_bytes)
              if defined $echo && $incoming->is_ping;
            next if defined $echo;
            my $bytes = $receive->($OVERALL);
            die "TCP ended before an echo\n" if $bytes eq '';
            $incoming->append($bytes);
        }
        my $bytes = Encode::encode('UTF-8', $message);
        die sprintf("echo of %d bytes differs: %d bytes\n", length $bytes, length $echo) if $echo ne $bytes;
    }

    $send->($handshake->build_frame(type => 'close')->to_bytes);
    $socket->shutdown(1) if $version eq 'draft-hixie-75';    # its only close is TCP's own
    my $result = {ok => JSON::PP::true, draft => $draft, closed => JSON::PP::false,
        close_frame => JSON::PP::false, close_code => undef};
    my $deadline = time + $CLOSING;
    while (time < $deadline && IO::Select->new($socket)->can_read($deadline - time)) {
        my $bytes = $receive->(0);
        if ($bytes eq '') { $result->{closed} = JSON::PP::true; last }
        $incoming->append($bytes);
        while (defined(my $body = $incoming->next_bytes)) {
            next if !$incoming->is_close;
            $result->{close_frame} = JSON::PP::true;
            $result->{close_code} = unpack 'n', $body if length $body >= 2;
        }
    }
    return $result;
}

$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "time limit of $OVERALL s\n" };
alarm $OVERALL;
my $result = eval { run(@ARGV) };
$result //= {ok => JSON::PP::false, error => "$@" =~ s/\s+\z//r};
print JSON::PP->new->ascii->canonical->encode($result), "\n";
exit($result->{ok} ? 0 : 1);
