#!/bin/sh
# The servers that Kurir is measured against, from Debian's packages, without installing them: each is
# unpacked into a folder and runs in a mount and process namespace of its own, so that nothing of the
# host changes and the end of one process is the end of all.
#
#   peers.sh setup NAME...   unpack and configure (postfix, opensmtpd, exim, dovecot); kept if it is there
#   peers.sh run NAME        in the foreground, until it is ended
#   peers.sh clean NAME...   empty the queue and the mailboxes of one that does not run
#   peers.sh remove          take everything away
#
# $KURIR_PEERS is the folder (/var/tmp/kurir-peers): it must lie on the disk that Kurir's queue is on.
# They listen on 127.0.0.12 (Postfix), .13 (OpenSMTPD), .14 (Dovecot) and .15 (Exim, which only queues), and route by
# domain:
#   example.test   Maildirs of u0..u99 and of bulk0..bulk99 in /var/vmail
#   defer.test     127.0.0.11:2699, where nothing listens
#   anything else  127.0.0.11:2690, the sink
# No system logger runs there: what Postfix, OpenSMTPD and Exim would log costs them nothing.
set -eu

peers=${KURIR_PEERS:-/var/tmp/kurir-peers}
sink=127.0.0.11
lead=
vmail=5000

users() {
	i=0
	while [ $i -lt 100 ]; do
		echo "u$i"
		echo "bulk$i"
		i=$((i + 1))
	done
}

# unpack NAME PACKAGE...: the packages, and what of their dependencies this host lacks
unpack() {
	name=$1
	shift
	[ -e "$peers/$name/.unpacked" ] && return 0
	rm -rf "${peers:?}/$name"
	mkdir -p "$peers/$name/debs"
	lacking=$(apt-get install -s --no-install-recommends "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\).*/\1/p')
	(
		cd "$peers/$name/debs"
		# shellcheck disable=SC2086
		apt-get -o APT::Sandbox::User=root download -q $(printf '%s\n' "$@" $lacking | sort -u) >/dev/null
	)
	for deb in "$peers/$name/debs"/*.deb; do
		dpkg -x "$deb" "$peers/$name"
	done
	if [ -d "$peers/$name/lib" ]; then
		cp -a "$peers/$name/lib/." "$peers/$name/usr/lib/"
		rm -rf "$peers/$name/lib"
	fi
	rm -rf "$peers/$name/debs"
	touch "$peers/$name/.unpacked"
}

# people NAME USER...: /etc of the peer, with these system users beside root and vmail
people() {
	name=$1
	shift
	etc=$peers/$name/etc
	mkdir -p "$etc" "$peers/$name/var/log" "$peers/$name/var/tmp" "$peers/$name/var/spool"
	ln -sfn /run "$peers/$name/var/run"
	chmod 1777 "$peers/$name/var/tmp"
	printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n' >"$etc/passwd"
	printf 'root:x:0:\nmail:x:8:\nnogroup:x:65534:\n' >"$etc/group"
	id=$vmail
	for user in vmail "$@"; do
		echo "$user:x:$id:$id::/var/vmail:/bin/false" >>"$etc/passwd"
		echo "$user:x:$id:" >>"$etc/group"
		id=$((id + 1))
	done
	printf '127.0.0.1 localhost %s.test\n' "$name" >"$etc/hosts"
	echo 'nameserver 127.0.0.1' >"$etc/resolv.conf"
	printf 'passwd: files\ngroup: files\nhosts: files\n' >"$etc/nsswitch.conf"
	install -d -o $vmail -g $vmail -m 700 "$peers/$name/var/vmail"
}

setup_postfix() {
	unpack postfix postfix
	people postfix postfix postdrop
	root=$peers/postfix
	cat >"$root/etc/postfix/main.cf" <<-END
		compatibility_level = 3.6
		myhostname = postfix.test
		mydestination = localhost
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		mynetworks = 127.0.0.0/8
		smtpd_relay_restrictions = permit_mynetworks, reject
		smtpd_peername_lookup = no
		smtp_dns_support_level = disabled
		biff = no
		append_dot_mydomain = no
		alias_maps =
		default_process_limit = ${KURIR_PEER_PROCESSES:-100}
		relayhost = [$sink]:2690
		transport_maps = hash:/etc/postfix/transport
		virtual_mailbox_domains = example.test
		virtual_mailbox_base = /var/vmail
		virtual_mailbox_maps = hash:/etc/postfix/vmailbox
		virtual_uid_maps = static:$vmail
		virtual_gid_maps = static:$vmail
	END
	echo "defer.test smtp:[$sink]:2699" >"$root/etc/postfix/transport"
	users | sed 's,.*,&@example.test &/,' >"$root/etc/postfix/vmailbox"
	sed 's/^smtp  *inet .*/127.0.0.12:2525 inet n - n - - smtpd/
		s/^\([a-z]*[a-z-]* *\(unix\|unix-dgram\) *[^ ]* *[^ ]* *\)y/\1n/' \
		"$root/usr/share/postfix/master.cf.dist" >"$root/etc/postfix/master.cf"
	cp "$root/usr/share/postfix/dynamicmaps.cf" "$root/etc/postfix/"
	install -d -o 5001 -g 5001 "$root/var/lib/postfix"
	inside postfix sh -c 'postmap hash:/etc/postfix/transport hash:/etc/postfix/vmailbox'
}

setup_opensmtpd() {
	unpack opensmtpd opensmtpd
	people opensmtpd opensmtpd opensmtpq
	root=$peers/opensmtpd
	# Without the limits of mta it opens one connection to a relay at a time; smtpd.conf(5) is silent on them.
	cat >"$root/etc/smtpd.conf" <<-END
		table vusers file:/etc/vusers
		smtp limit max-mails 1000000
		mta limit max-conn-per-host 50 max-conn-per-route 50 max-conn-per-connector 50 \\
		    conn-delay-route 0 conn-delay-relay 0 reconn-delay-route 0 session-mail-max 1000 \\
		    task-hiwat 2000 task-lowat 1500 task-release 500
		listen on 127.0.0.13 port 2525 hostname opensmtpd.test
		action "local" maildir "/var/vmail/%{rcpt.user}" virtual <vusers>
		action "defer" relay host smtp://$sink:2699
		action "relay" relay host smtp://$sink:2690
		match from any for domain "example.test" action "local"
		match from any for domain "defer.test" action "defer"
		match from any for any action "relay"
	END
	users | sed 's/.*/&@example.test vmail/' >"$root/etc/vusers"
	# Its listen backlog is 5: ten clients that connect at once would lose SYNs and wait for seconds.
	printf '%s\n' '#include <sys/syscall.h>' '#include <unistd.h>' \
		'int listen(int fd, int n) { return (int)syscall(SYS_listen, fd, n < 1024 ? 1024 : n); }' |
		cc -O2 -shared -fPIC -x c - -o "$root/usr/lib/backlog.so"
	echo opensmtpd.test >"$root/etc/mailname"
}

# Debian's macros and questions are left out: this is all that Exim reads. It takes mail and keeps it.
setup_exim() {
	unpack exim exim4-daemon-light
	people exim Debian-exim
	root=$peers/exim
	mkdir -p "$root/etc/exim4"
	cat >"$root/etc/exim4/exim4.conf" <<-END
		primary_hostname = exim.test
		local_interfaces = 127.0.0.15
		daemon_smtp_ports = 2525
		queue_only
		smtp_accept_max = 0
		smtp_accept_queue_per_connection = 0
		host_lookup =
		rfc1413_hosts =
		tls_advertise_hosts =
		prdr_enable = false
		log_file_path = syslog
		acl_smtp_rcpt = accept
		acl_smtp_data = accept
		begin acl
		accept:
		  accept
		begin routers
		defer:
		  driver = manualroute
		  domains = defer.test
		  route_data = $sink
		  transport = dead
		begin transports
		dead:
		  driver = smtp
		  port = 2699
	END
	install -d -o 5001 -g 5001 -m 750 "$root/var/spool/exim4" "$root/var/log/exim4"
}

setup_dovecot() {
	unpack dovecot dovecot-imapd dovecot-pop3d
	people dovecot dovecot dovenull
	root=$peers/dovecot
	[ -e "$root/etc/key.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
		-subj /CN=localhost -keyout "$root/etc/key.pem" -out "$root/etc/cert.pem" 2>/dev/null
	users | sed "s,.*,&@example.test:{PLAIN}secret:$vmail:$vmail::/var/vmail/&::," >"$root/etc/users"
	login="service_count = 1
		process_limit = 12000"
	# The default is a process for each connection before login; "fast" lets one serve many.
	[ "${KURIR_PEER_LOGIN:-}" != fast ] || login="service_count = 0
		process_min_avail = 2
		process_limit = 4
		client_limit = 12000"
	cat >"$root/etc/dovecot/dovecot.conf" <<-END
		listen = 127.0.0.14
		log_path = /var/log/dovecot.log
		protocols = imap pop3
		auth_mechanisms = plain login
		disable_plaintext_auth = no
		ssl = yes
		ssl_cert = </etc/cert.pem
		ssl_key = </etc/key.pem
		first_valid_uid = $vmail
		mail_location = ${KURIR_PEER_MAIL:-maildir}:~/mail
		mail_max_userip_connections = 20000
		default_vsz_limit = 0
		imap_hibernate_timeout = 0
		passdb {
		  driver = passwd-file
		  args = /etc/users
		}
		userdb {
		  driver = passwd-file
		  args = /etc/users
		}
		namespace inbox {
		  inbox = yes
		  separator = /
		}
		service imap-login {
		  inet_listener imap {
		    port = 1143
		  }
		  inet_listener imaps {
		    port = 1993
		    ssl = yes
		  }
		  $login
		}
		service pop3-login {
		  inet_listener pop3 {
		    port = 1110
		  }
		  inet_listener pop3s {
		    port = 0
		  }
		  $login
		}
		service imap {
		  process_limit = 12000
		}
		service pop3 {
		  process_limit = 2000
		}
		service anvil {
		  client_limit = 40000
		}
		service auth {
		  client_limit = 40000
		}
	END
}

# inside NAME COMMAND...: in the peer's view of the file system. Process 1 stays a shell, which the end of unshare
# ends (a server that changes its user would lose that), and all the others with it.
inside() {
	name=$1
	shift
	# shellcheck disable=SC2016
	exec_in='
		root=$1
		shift
		mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr
		mount --bind "$root/etc" /etc
		mount -t tmpfs -o mode=755 tmpfs /run
		mount --rbind "$root/var" /var
		mount -t tmpfs tmpfs /tmp
		ulimit -n "$(ulimit -Hn)"
		"$@" &
		trap "kill $!" TERM
		wait $! || wait $!'
	$lead unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
		sh -c "$exec_in" sh "$peers/$name" "$@"
}

run() {
	lead=exec
	case $1 in
	postfix) inside postfix postfix start-fg ;;
	opensmtpd) inside opensmtpd env LD_PRELOAD=/usr/lib/backlog.so smtpd -F -f /etc/smtpd.conf ;;
	exim) inside exim exim4 -bdf ;;
	dovecot) inside dovecot dovecot -F -c /etc/dovecot/dovecot.conf ;;
	esac
}

clean() {
	var=$peers/$1/var
	case $1 in
	postfix)
		for queue in incoming active deferred defer bounce hold maildrop corrupt; do
			[ ! -d "$var/spool/postfix/$queue" ] || find "$var/spool/postfix/$queue" -type f -delete
		done
		rm -f "$var/lib/postfix/master.lock" "$var/spool/postfix/pid/master.pid"
		;;
	opensmtpd)
		for queue in queue incoming corrupt temporary purge; do
			[ ! -d "$var/spool/smtpd/$queue" ] || find "$var/spool/smtpd/$queue" -mindepth 1 -delete
		done
		;;
	exim) find "$var/spool/exim4" -type f -delete ;;
	esac
	find "$var/vmail" -mindepth 1 -delete
}

[ "$(id -u)" = 0 ] || { echo "the peers need root" >&2; exit 1; }
verb=${1:?setup, run, clean or remove}
shift
case $verb in
setup) for name; do "setup_$name"; done ;;
run) run "$1" ;;
clean) for name; do clean "$name"; done ;;
remove) rm -rf "$peers" ;;
*) echo "$verb: setup, run, clean or remove" >&2; exit 2 ;;
esac
