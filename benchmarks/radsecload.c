/*
 * radsecload - a load generator for RADIUS over TLS.
 *
 *   gcc -O2 -Wall -Wextra -std=gnu11 -o radsecload radsecload.c -lssl -lcrypto
 *
 * Keeps --window Access-Requests outstanding on each of --connections TLS
 * connections for --seconds, and prints one line of JSON.  With --per N a
 * connection is closed after N answered requests and a new one made, so that
 * --per 1 measures handshakes, each of which is proved by a reply; --resume
 * presents the session of the connection before.
 *
 *   - Requests are built before the clock starts, PAP with
 *     Message-Authenticator for RADIUS/1.0, in the clear for 1.1.  "wraps"
 *     tells how often the pool was used up; raise --pool then, since a
 *     server's duplicate cache may answer.
 *   - Each request is a record of its own; those ready at the same time leave
 *     in one send().
 *   - Replies are matched by Identifier or Token; every 16th of RADIUS/1.0 has
 *     its Response Authenticator checked.
 *   - A server that closes a connection, or dies, ends the run: "ended".
 *   - With --home it is a home server instead: it accepts every Access-Request
 *     that comes by UDP to the port, for a proxy to forward to.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IDENTIFIERS 255 /* 1 to 255; 0 is kept for Status-Server */
#define SLOTS 65536
#define REQUEST_MAXIMUM 192
#define PACKET_MAXIMUM 4096
#define VERIFY 16
#define CONNECTIONS_MAXIMUM 64

enum { ACCESS_REQUEST = 1, ACCESS_ACCEPT = 2 };
enum { USER_NAME = 1, USER_PASSWORD = 2, NAS_IP_ADDRESS = 4, NAS_PORT = 5, FRAMED_IP_ADDRESS = 8, REPLY_MESSAGE = 18,
       SESSION_TIMEOUT = 27, NAS_IDENTIFIER = 32, NAS_PORT_TYPE = 61, MESSAGE_AUTHENTICATOR = 80 };

static struct {
	int port, window, connections, per, users;
	long pool;
	double seconds;
	bool resume, radius_1_1, home;
	const char *certificate, *key, *ca, *secret;
} opt = {.window = 64, .connections = 1, .users = 10000, .pool = 200000, .seconds = 2, .secret = "radsec"};

static bool ended; /* the server has closed a connection, or died */

static struct {
	uint64_t requests, accepted, refused, invalid, handshakes, resumed, wraps;
} count;

static void die(const char *what)
{
	fprintf(stderr, "radsecload: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ------------------------------------------------------- MD5 and HMAC -- */

static EVP_MD *md5;
static EVP_MD_CTX *digest, *inner, *outer; /* the last two hold the key */

static void prepare_md5(void)
{
	uint8_t pad[64];
	size_t n = strlen(opt.secret);

	if (n > sizeof pad)
		die("--secret is longer than 64 octets");
	md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	digest = EVP_MD_CTX_new();
	EVP_MD_CTX **keyed[2] = {&inner, &outer};
	for (int side = 0; side < 2; side++) {
		memset(pad, side ? 0x5c : 0x36, sizeof pad);
		for (size_t i = 0; i < n; i++)
			pad[i] ^= (uint8_t)opt.secret[i];
		*keyed[side] = EVP_MD_CTX_new();
		EVP_DigestInit_ex2(*keyed[side], md5, NULL);
		EVP_DigestUpdate(*keyed[side], pad, sizeof pad);
	}
}

static void hash(const void *a, size_t an, const void *b, size_t bn, uint8_t out[16])
{
	EVP_DigestInit_ex2(digest, md5, NULL);
	EVP_DigestUpdate(digest, a, an);
	EVP_DigestUpdate(digest, b, bn);
	EVP_DigestFinal_ex(digest, out, NULL);
}

static void hmac(const uint8_t *data, size_t n, uint8_t out[16])
{
	EVP_MD_CTX_copy_ex(digest, inner);
	EVP_DigestUpdate(digest, data, n);
	EVP_DigestFinal_ex(digest, out, NULL);
	EVP_MD_CTX_copy_ex(digest, outer);
	EVP_DigestUpdate(digest, out, 16);
	EVP_DigestFinal_ex(digest, out, NULL);
}

/* ------------------------------------------------------------- packets -- */

static unsigned length_of(const uint8_t *p)
{
	return (unsigned)p[2] << 8 | p[3];
}

static uint8_t *add(uint8_t *p, uint8_t type, const void *value, size_t n)
{
	unsigned at = length_of(p);
	p[at] = type;
	p[at + 1] = (uint8_t)(n + 2);
	memcpy(p + at + 2, value, n);
	at += (unsigned)n + 2;
	p[2] = (uint8_t)(at >> 8);
	p[3] = (uint8_t)at;
	return p + at - n;
}

static void add_number(uint8_t *p, uint8_t type, uint32_t number)
{
	uint32_t octets = htonl(number);
	add(p, type, &octets, 4);
}

/* An empty packet: code, Identifier, Length 20, and random octets or zeros. */
static void begin(uint8_t *p, uint8_t code, uint8_t identifier)
{
	memset(p, 0, 20);
	p[0] = code;
	p[1] = identifier;
	p[3] = 20;
}

static void build_request(uint8_t *p, uint8_t identifier, unsigned user)
{
	char name[16], password[16];
	uint8_t hidden[16] = {0}, mask[16], empty[16] = {0}, *proof = NULL;

	snprintf(name, sizeof name, "user%u", user);
	snprintf(password, sizeof password, "pass%u", user);
	begin(p, ACCESS_REQUEST, identifier);
	if (!opt.radius_1_1) {
		RAND_bytes(p + 4, 16);
		proof = add(p, MESSAGE_AUTHENTICATOR, empty, 16);
	}
	add(p, USER_NAME, name, strlen(name));
	if (opt.radius_1_1) {
		add(p, USER_PASSWORD, password, strlen(password));
	} else {
		hash(opt.secret, strlen(opt.secret), p + 4, 16, mask);
		memcpy(hidden, password, strlen(password));
		for (int i = 0; i < 16; i++)
			hidden[i] ^= mask[i];
		add(p, USER_PASSWORD, hidden, 16);
	}
	add_number(p, NAS_IP_ADDRESS, 0xc0000201);
	add_number(p, NAS_PORT, user);
	add(p, NAS_IDENTIFIER, "radsecload", 10);
	add_number(p, NAS_PORT_TYPE, 15);
	if (proof) {
		uint8_t value[16];
		hmac(p, length_of(p), value);
		memcpy(proof, value, 16);
	}
}

/* The pool: for each Identifier (one for RADIUS/1.1) so many requests. */
static uint8_t (*pool)[REQUEST_MAXIMUM];
static uint32_t turns, identifiers;

static void build_pool(void)
{
	identifiers = opt.radius_1_1 ? 1 : IDENTIFIERS;
	turns = (uint32_t)(opt.pool / identifiers) + 1;
	pool = calloc((size_t)turns * identifiers, sizeof *pool);
	if (!pool)
		die("no memory for the pool");
	for (uint32_t i = 0; i < turns * identifiers; i++)
		build_request(pool[i], (uint8_t)(i / turns + 1), i % (unsigned)opt.users);
}

/* --------------------------------------------------------- connections -- */

typedef struct {
	uint64_t sent_ns; /* 0: free */
	const uint8_t *request;
} slot_t;

typedef struct {
	SSL *ssl;
	BIO *in, *out;
	int fd, outstanding, answered, sent;
	bool open;
	uint64_t begun_ns;
	uint32_t token;
	slot_t slot[SLOTS];
	uint8_t free_ring[256];
	unsigned free_head, free_count;
	uint8_t plain[2 * 16384 + PACKET_MAXIMUM];
	size_t held;
} connection_t;

static SSL_CTX *context;
static SSL_SESSION *session;
static connection_t *connection;
static uint32_t turn[IDENTIFIERS + 1];
static uint32_t *latency; /* in units of 0.1 us */
static size_t latencies, latency_room;

static int keep_session(SSL *ssl, SSL_SESSION *fresh)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = fresh;
	return 1;
}

static void make_context(void)
{
	static const uint8_t v1_0[] = "\x0aradius/1.0", v1_1[] = "\x0aradius/1.1";

	context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384");
	if (SSL_CTX_use_certificate_chain_file(context, opt.certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, opt.key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(context, opt.ca, NULL) != 1)
		die("certificate, key or ca");
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_alpn_protos(context, opt.radius_1_1 ? v1_1 : v1_0, 11);
	if (opt.resume) {
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(context, keep_session);
	}
}

static void send_ciphertext(connection_t *c)
{
	char *data;
	long n = BIO_get_mem_data(c->out, &data);

	while (n > 0) {
		ssize_t done = send(c->fd, data, (size_t)n, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN) {
			struct pollfd writable = {.fd = c->fd, .events = POLLOUT};
			poll(&writable, 1, 1000);
			continue;
		}
		if (done < 0)
			break; /* what is read next tells */
		data += done;
		n -= done;
	}
	(void)BIO_reset(c->out);
}

static void open_connection(connection_t *c)
{
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
	int one = 1;

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->begun_ns = now_ns();
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server))
		ended = true;
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->ssl = SSL_new(context);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_connect_state(c->ssl);
	if (session)
		SSL_set_session(c->ssl, session);
	c->outstanding = c->answered = c->sent = 0;
	c->open = false;
	c->held = 0;
	memset(c->slot, 0, 256 * sizeof *c->slot);
	for (int i = 0; i < IDENTIFIERS; i++)
		c->free_ring[i] = (uint8_t)((count.handshakes + i) % IDENTIFIERS + 1);
	c->free_head = 0;
	c->free_count = IDENTIFIERS;
	SSL_do_handshake(c->ssl);
	send_ciphertext(c);
}

static void close_connection(connection_t *c)
{
	SSL_shutdown(c->ssl);
	send_ciphertext(c);
	SSL_free(c->ssl);
	close(c->fd);
}

static void send_request(connection_t *c)
{
	uint8_t identifier = 1, packet[REQUEST_MAXIMUM];
	unsigned key;

	if (!opt.radius_1_1) {
		identifier = c->free_ring[c->free_head];
		c->free_head = (c->free_head + 1) % 256;
		c->free_count--;
	}
	if (turn[identifier] == turns) {
		turn[identifier] = 0;
		count.wraps++;
	}
	const uint8_t *request = pool[(identifier - 1u) * turns + turn[identifier]++];
	key = identifier;
	memcpy(packet, request, length_of(request));
	if (opt.radius_1_1) {
		uint32_t token = htonl(++c->token);
		packet[1] = 0;
		memcpy(packet + 4, &token, 4);
		key = c->token % SLOTS;
	}
	c->slot[key] = (slot_t){now_ns(), request};
	if (SSL_write(c->ssl, packet, (int)length_of(packet)) <= 0)
		die("SSL_write");
	c->outstanding++;
	c->sent++;
	count.requests++;
}

static void note_latency(uint64_t took)
{
	if (latencies == latency_room) {
		latency_room = latency_room ? latency_room * 2 : 1 << 16;
		latency = realloc(latency, latency_room * sizeof *latency);
		if (!latency)
			die("no memory");
	}
	latency[latencies++] = (uint32_t)(took / 100);
}

static bool is_proven(const uint8_t *reply, const uint8_t *request)
{
	uint8_t copy[PACKET_MAXIMUM], value[16];
	unsigned n = length_of(reply);

	memcpy(copy, reply, n);
	memcpy(copy + 4, request + 4, 16);
	hash(copy, n, opt.secret, strlen(opt.secret), value);
	return !memcmp(value, reply + 4, 16);
}

static void receive_reply(connection_t *c, const uint8_t *reply)
{
	uint32_t token;

	memcpy(&token, reply + 4, 4);
	unsigned key = opt.radius_1_1 ? ntohl(token) % SLOTS : reply[1];
	slot_t *slot = &c->slot[key];
	if (!slot->sent_ns) {
		count.invalid++;
		return;
	}
	if (!opt.radius_1_1 && count.accepted % VERIFY == 0 && !is_proven(reply, slot->request)) {
		count.invalid++;
		return;
	}
	if (reply[0] == ACCESS_ACCEPT)
		count.accepted++;
	else
		count.refused++;
	note_latency(now_ns() - (opt.per == 1 ? c->begun_ns : slot->sent_ns));
	slot->sent_ns = 0;
	if (!opt.radius_1_1)
		c->free_ring[(c->free_head + c->free_count++) % 256] = (uint8_t)key;
	c->outstanding--;
	c->answered++;
}

static void read_plaintext(connection_t *c)
{
	int n;

	while ((n = SSL_read(c->ssl, c->plain + c->held, (int)(sizeof c->plain - c->held))) > 0) {
		size_t at = 0;
		c->held += (size_t)n;
		while (c->held - at >= 20 && c->held - at >= length_of(c->plain + at)) {
			receive_reply(c, c->plain + at);
			at += length_of(c->plain + at);
		}
		memmove(c->plain, c->plain + at, c->held - at);
		c->held -= at;
	}
	ended |= SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ;
}

static void receive(connection_t *c)
{
	static uint8_t ciphertext[1 << 18];
	ssize_t n = recv(c->fd, ciphertext, sizeof ciphertext, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		ended = true;
		return;
	}
	BIO_write(c->in, ciphertext, (int)n);
	if (!c->open) {
		int done = SSL_do_handshake(c->ssl);
		if (done <= 0 && SSL_get_error(c->ssl, done) != SSL_ERROR_WANT_READ)
			die("handshake");
		c->open = done == 1;
		count.handshakes += c->open;
		count.resumed += c->open && SSL_session_reused(c->ssl);
		if (c->open && opt.radius_1_1) {
			const uint8_t *name;
			unsigned size;
			SSL_get0_alpn_selected(c->ssl, &name, &size);
			if (size != 10 || memcmp(name, "radius/1.1", 10))
				die("the server does not speak RADIUS/1.1");
		}
	}
	if (c->open)
		read_plaintext(c);
}

static void top_up(connection_t *c)
{
	while (c->open && c->outstanding < opt.window && (!opt.per || c->sent < opt.per))
		send_request(c);
	send_ciphertext(c);
}

/* ---------------------------------------------------------------- main -- */

static double run(void)
{
	struct pollfd ready[CONNECTIONS_MAXIMUM];
	uint64_t begun, deadline, heard;

	for (int i = 0; i < opt.connections; i++)
		open_connection(&connection[i]);
	begun = heard = now_ns();
	deadline = begun + (uint64_t)(opt.seconds * 1e9);
	while (now_ns() < deadline && !ended) {
		for (int i = 0; i < opt.connections; i++)
			ready[i] = (struct pollfd){.fd = connection[i].fd, .events = POLLIN};
		poll(ready, (nfds_t)opt.connections, 0);
		for (int i = 0; i < opt.connections; i++) {
			if (!ready[i].revents)
				continue;
			connection_t *c = &connection[i];
			heard = now_ns();
			receive(c);
			if (opt.per && c->answered == opt.per) {
				close_connection(c);
				open_connection(c);
			}
			top_up(c);
		}
		if (now_ns() - heard > 3000000000u)
			die("the server is silent");
	}
	for (int i = 0; i < opt.connections; i++)
		close_connection(&connection[i]);
	return (double)(now_ns() - begun) / 1e9;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static double percentile_us(double share)
{
	return latencies ? latency[(size_t)(share * (double)(latencies - 1))] / 10.0 : 0;
}

static void report(double seconds)
{
	uint64_t replies = count.accepted + count.refused;

	qsort(latency, latencies, sizeof *latency, ascending);
	printf("{\"requests\": %lu, \"accepted\": %lu, \"refused\": %lu, \"invalid\": %lu, \"handshakes\": %lu, "
	       "\"resumed\": %lu, \"wraps\": %lu, \"ended\": %s, \"seconds\": %.3f, \"rps\": %.1f, "
	       "\"latency_us\": {\"p50\": %.1f, \"p99\": %.1f}}\n",
	       count.requests, count.accepted, count.refused, count.invalid, count.handshakes, count.resumed,
	       count.wraps, ended ? "true" : "false", seconds, (double)replies / seconds, percentile_us(.5), percentile_us(.99));
}

/* A home server: every Access-Request by UDP is accepted. */
static void serve_home(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)}, from;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
	uint8_t in[PACKET_MAXIMUM], out[PACKET_MAXIMUM], value[16], empty[16] = {0};

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (bind(fd, (struct sockaddr *)&here, sizeof here))
		die("bind");
	for (;;) {
		socklen_t room = sizeof from;
		ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &room);
		if (n < 20 || length_of(in) > n)
			continue;
		begin(out, ACCESS_ACCEPT, in[1]);
		memcpy(out + 4, in + 4, 16);
		uint8_t *proof = add(out, MESSAGE_AUTHENTICATOR, empty, 16);
		add(out, REPLY_MESSAGE, "Hello", 5);
		add_number(out, SESSION_TIMEOUT, 3600);
		add_number(out, FRAMED_IP_ADDRESS, 0x0a000001);
		for (unsigned at = 20; at + 2 <= length_of(in) && in[at + 1] >= 2; at += in[at + 1])
			if (in[at] == 33) /* Proxy-State */
				add(out, 33, in + at + 2, in[at + 1] - 2u);
		hmac(out, length_of(out), value);
		memcpy(proof, value, 16);
		hash(out, length_of(out), opt.secret, strlen(opt.secret), value);
		memcpy(out + 4, value, 16);
		sendto(fd, out, length_of(out), 0, (struct sockaddr *)&from, room);
	}
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"port", 1, 0, 'p'}, {"window", 1, 0, 'w'}, {"connections", 1, 0, 'c'}, {"per", 1, 0, 'n'},
		{"users", 1, 0, 'u'}, {"pool", 1, 0, 'P'}, {"seconds", 1, 0, 's'}, {"resume", 0, 0, 'r'},
		{"radius-1.1", 0, 0, '1'}, {"home", 0, 0, 'h'}, {"certificate", 1, 0, 'C'}, {"key", 1, 0, 'K'},
		{"ca", 1, 0, 'A'}, {"secret", 1, 0, 'S'}, {0, 0, 0, 0}};
	int found;

	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (found) {
		case 'p': opt.port = atoi(optarg); break;
		case 'w': opt.window = atoi(optarg); break;
		case 'c': opt.connections = atoi(optarg); break;
		case 'n': opt.per = atoi(optarg); break;
		case 'u': opt.users = atoi(optarg); break;
		case 'P': opt.pool = atol(optarg); break;
		case 's': opt.seconds = atof(optarg); break;
		case 'r': opt.resume = true; break;
		case '1': opt.radius_1_1 = true; break;
		case 'h': opt.home = true; break;
		case 'C': opt.certificate = optarg; break;
		case 'K': opt.key = optarg; break;
		case 'A': opt.ca = optarg; break;
		case 'S': opt.secret = optarg; break;
		default: exit(2);
		}
	}
	if (!opt.port || opt.window < 1 || opt.window > IDENTIFIERS || opt.connections < 1 ||
	    opt.connections > CONNECTIONS_MAXIMUM)
		die("--port, --window 1 to 255, --connections 1 to 64");
	if (!opt.home && (!opt.certificate || !opt.key || !opt.ca))
		die("--certificate, --key and --ca are needed");
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	prepare_md5();
	if (opt.home)
		serve_home();
	connection = calloc((size_t)opt.connections, sizeof *connection);
	make_context();
	build_pool();
	report(run());
	return count.accepted ? 0 : 1;
}
