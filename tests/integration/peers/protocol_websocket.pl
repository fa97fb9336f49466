#!/usr/bin/env perl
# Foreign client: Protocol::WebSocket (Debian libprotocol-websocket-perl) for rfc6455, hybi-10, hixie-76 and hixie-75.
# Usage: protocol_websocket.pl draft-ietf-hybi-17|draft-ietf-hybi-10|draft-hixie-76|draft-hixie-75 ws://HOST:PORT SCRIPT
# What a script is, and what is reported of it, says tests/integration/scenarios.py.
use strict;
use warnings;
use Digest::SHA;
use Encode ();
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Protocol::WebSocket::Handshake::Client;

# What the module calls a draft, and its answer; in its responses 8 and 13 are one.
my %DRAFTS = (
    'draft-ietf-hybi-17' => ['draft-ietf-hybi-17', 'draft-ietf-hybi-10'],
    'draft-ietf-hybi-10' => ['draft-ietf-hybi-10', 'draft-ietf-hybi-10'],
    'draft-hixie-76'     => ['draft-ietf-hybi-00', 'draft-ietf-hybi-00'],
    'draft-hixie-75'     => ['draft-hixie-75',     'draft-hixie-75'],
);
my ($OVERALL, $QUIET, $CLOSING) = (120, 100, 5);         # seconds

sub converse {
    my ($wanted, $base, $scenario) = @_;
    my ($version, $answer) = @{$DRAFTS{$wanted // ''} || die "unknown draft\n"};
    my ($host, $port) = $base =~ m{^ws://([^:/]+):(\d+)$} or die "no URL: $base\n";
    my $socket = IO::Socket::INET->new(PeerHost => $host, PeerPort => $port, Proto => 'tcp', Timeout => 5)
      or die "connect: $@\n";
    my $send = sub { $socket->syswrite($_[0]) // die "write: $!\n" };    # blocking: all or nothing
    my $receive = sub {                                                 # '' once the server has ended TCP
        IO::Select->new($socket)->can_read($_[0]) or die "nothing received for $_[0] s\n";
        $socket->sysread(my $bytes, 65536) // die "read: $!\n";
        $bytes;
    };

    my $handshake
      = Protocol::WebSocket::Handshake::Client->new(url => $base . $scenario->{path}, version => $version);
    $send->($handshake->to_string);
    my $rest = '';
    until ($handshake->is_done) {
        my $bytes = $receive->($QUIET);
        die "TCP ended in the handshake\n" if $bytes eq '';
        $handshake->parse($bytes) or die 'handshake: ' . $handshake->error . "\n";
        $rest = $bytes;    # what parse() left over
    }
    die 'answered as ' . $handshake->res->version . "\n" if $handshake->res->version ne $answer;

    # The module's own limit is 65,536 bytes a message.
    my %unlimited = (max_payload_size => undef);
    my $incoming = $handshake->build_frame(masked => 0, %unlimited);
    my ($heard, $digest, @heard) = (0, Digest::SHA->new(1));
    my %seen = (tcp => JSON::PP::false, frame => JSON::PP::false, code => undef, reason => undef);
    my $quiet = $QUIET;
    my $goodbye = sub {
        my $body = defined $_[0] ? pack('n', $_[0]) . $_[1] : '';
        $send->($handshake->build_frame(type => 'close', buffer => $body)->to_bytes) if $quiet == $QUIET;
        $socket->shutdown(1) if $version eq 'draft-hixie-75';    # its only close is TCP's own
        $quiet = $CLOSING;
    };
    my $read = sub {
        $incoming->append($_[0]);
        while (defined(my $body = $incoming->next_bytes)) {
            if ($incoming->is_close) {
                $seen{frame} = JSON::PP::true;
                $seen{code} = unpack 'n', $body if length $body >= 2;
                $seen{reason} = Encode::decode('UTF-8', substr $body, 2) if length $body >= 2;
                $goodbye->($seen{code}, '');
            } elsif ($incoming->is_ping) {
                $send->($handshake->build_frame(type => 'pong', buffer => $body)->to_bytes);
            } elsif ($incoming->is_text) {
                $heard += 1;
                if ($scenario->{digest}) { $digest->add($body) } else { push @heard, Encode::decode('UTF-8', $body) }
            }
        }
    };
    my $wait = sub {
        my $bytes = $receive->($quiet);
        if ($bytes eq '') { $seen{tcp} = JSON::PP::true } else { $read->($bytes) }
    };
    $read->($rest);
    for my $step (@{$scenario->{steps}}) {
        my ($what, @arguments) = @$step;
        if ($what eq 'send') {
            my $text = Encode::encode('UTF-8', $arguments[0]) x $arguments[1];
            $send->($handshake->build_frame(buffer => $text, %unlimited)->to_bytes);
        } elsif ($what eq 'hear') {
            $wait->() while $heard < $arguments[0] && !$seen{tcp};
        } elsif ($what eq 'stop') {
            kill 'STOP', $$;
        } elsif ($what eq 'close') {
            $goodbye->(@arguments);
        } else {
            die "unknown step: $what\n";
        }
    }
    eval { $wait->() until $seen{tcp}; 1 } or $@ =~ /^nothing received/ or die $@;
    return {%seen, heard => $scenario->{digest} ? {messages => $heard, sha1 => $digest->hexdigest} : \@heard};
}

$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "time limit of $OVERALL s\n" };
alarm $OVERALL;
my ($wanted, $base, $file) = @ARGV;
my %seen;
my $isRun = eval {
    open my $script, '<', $file or die "$file: $!\n";
    for my $scenario (@{JSON::PP->new->decode(do { local $/; <$script> })}) {
        $seen{$scenario->{name}} = eval { converse($wanted, $base, $scenario) }
          // {error => "$@" =~ s/\s+\z//r};
    }
    1;
};
my $result = $isRun ? {ok => JSON::PP::true, seen => \%seen} : {ok => JSON::PP::false, error => "$@"};
print JSON::PP->new->ascii->canonical->encode($result), "\n";
exit($result->{ok} ? 0 : 1);
