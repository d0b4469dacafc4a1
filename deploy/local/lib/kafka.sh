# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# kafka.sh - one Kafka broker in each DC, from jars that Maven fetches once for each user.
# shellcheck disable=SC2154  # variables of deploy/local/cluster and places.sh

kafka_pom=$here/kafka/pom.xml

# Where the jars are, or will be: named after what is fetched.
kafka_home() {
	local version
	version=$(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$kafka_pom")
	echo "$cache/kafka-$version-$(sha256sum "$kafka_pom" | cut -c 1-12)"
}

# Fetches the jars, unless another cluster of this user has.
fetch_kafka() {
	local home part
	home=$(kafka_home)
	[ ! -d "$home" ] || return 0
	command -v mvn >/dev/null || die "mvn is not installed (Debian's maven); run deploy/bootstrap"
	say "fetching Kafka's jars with Maven into $home"
	part=$home.part.$$
	mkdir -p "$part" "$state/log"
	(cd "$part" && cp "$kafka_pom" . && mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
		-DoutputDirectory=libs -DincludeScope=runtime) >"$(log_of kafka-jars)" 2>&1 || {
		rm -rf "$part"
		fail_with_log kafka-jars "Maven could not fetch Kafka"
		exit 1
	}
	mv -T "$part" "$home" 2>/dev/null || rm -rf "$part"
}

# Java's flags: a small heap and a quick start. The archive of loaded classes (made once, below)
# saves 40 % of the start's CPU time, the first compiler alone another 25 %.
kafka_java() {
	local home archive=()
	home=$(kafka_home)
	[ ! -e "$home/kafka.jsa" ] || archive=(-XX:SharedArchiveFile="$home/kafka.jsa" -Xshare:auto)
	printf '%s\n' java -Xms128m -Xmx"${BRAID_KAFKA_HEAP:-384m}" -XX:+UseSerialGC \
		-XX:TieredStopAtLevel="${BRAID_KAFKA_TIER:-1}" -XX:-UsePerfData "${archive[@]}" \
		-Dlog4j2.configurationFile="file:$here/kafka/log4j2.properties" \
		-cp "$(printf '%s:' "$home"/libs/*.jar)"
}

# kafka_properties ID DATA LOCAL REMOTE REMOTE-ADVERTISED TAP TAP-ADVERTISED CONTROLLER (ports)
kafka_properties() {
	local ip=127.0.0.1
	cat <<END
process.roles=broker,controller
node.id=$1
log.dirs=$2
controller.quorum.voters=$1@$ip:$8
listeners=LOCAL://$ip:$3,REMOTE://$ip:$4,TAP://$ip:$6,CONTROLLER://$ip:$8
advertised.listeners=LOCAL://$ip:$3,REMOTE://$ip:$5,TAP://$ip:$7
listener.security.protocol.map=LOCAL:PLAINTEXT,REMOTE:PLAINTEXT,TAP:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=LOCAL
controller.listener.names=CONTROLLER
auto.create.topics.enable=false
unclean.leader.election.enable=false
message.max.bytes=10485760
replica.fetch.max.bytes=10485760
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
# A broker that was killed is let in again when its old session is over: 9 s by default.
broker.session.timeout.ms=2500
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=8388608
${BRAID_KAFKA_MORE:-}
END
}

kafka_properties_of() {
	local dc=$1
	kafka_properties "$(($(site_number "$dc") + 1))" "$state/kafka-$dc/data" "$(port kafka-local "$dc")" \
		"$(port kafka-remote "$dc")" "$(port kafka-remote-relay "$dc")" \
		"$(port kafka-tap "$dc")" "$(port kafka-tap-relay "$dc")" "$(port kafka-controller "$dc")"
}

# Kafka wants a cluster id of 16 bytes in base64, and takes one that begins with "-" for an option.
kafka_cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-22 | sed 's/^-/A/'; }

kafka_format() {
	local dir=$1 name=$2 java
	[ ! -e "$dir/data/meta.properties" ] || return 0
	mapfile -t java < <(kafka_java)
	"${java[@]}" kafka.tools.StorageTool format -t "$(kafka_cluster_id)" -c "$dir/server.properties" \
		>>"$(log_of "$name")" 2>&1 || fail_with_log "$name" "its data folder could not be made"
}

start_kafka() {
	local dc=$1 dir=$state/kafka-$1 java
	command -v java >/dev/null || die "java is not installed (Debian's default-jre-headless); run deploy/bootstrap"
	[ -d "$(kafka_home)" ] || fetch_kafka
	mkdir -p "$dir" "$state/log"
	kafka_properties_of "$dc" >"$dir/server.properties"
	kafka_format "$dir" "kafka-$dc" || return 1
	mapfile -t java < <(kafka_java)
	process_start "kafka-$dc" "${java[@]}" kafka.Kafka "$dir/server.properties"
	wait_ready "kafka-$dc" 120 kafka_is_ready "$dc"
}

kafka_is_ready() {
	kafka_request "$(port kafka-local "$1")" 18 0 "" >/dev/null
}

# kafka_tool DC CLASS ARGUMENT...: one of Kafka's own commands, on the broker of DC.
kafka_tool() {
	local dc=$1 class=$2 java
	shift 2
	mapfile -t java < <(kafka_java)
	"${java[@]}" "$class" --bootstrap-server "127.0.0.1:$(port kafka-local "$dc")" "$@"
}

# Starts a broker beside the cluster, once for each user, to learn which classes a start loads.
# Costs ten seconds of CPU time; saves one at each start of a broker.
make_kafka_archive() {
	local home dir java pid
	home=$(kafka_home)
	[ ! -e "$home/kafka.jsa" ] || return 0
	dir=$(mktemp -d)
	kafka_properties 1 "$dir/data" "$((base + 140))" "$((base + 141))" "$((base + 141))" \
		"$((base + 142))" "$((base + 142))" "$((base + 143))" >"$dir/server.properties"
	mapfile -t java < <(kafka_java)
	{
		"${java[@]}" kafka.tools.StorageTool format -t "$(kafka_cluster_id)" -c "$dir/server.properties"
		"${java[@]}" -XX:ArchiveClassesAtExit="$dir/kafka.jsa" kafka.Kafka "$dir/server.properties" &
		pid=$!
		for _ in {1..600}; do
			kafka_request "$((base + 140))" 18 0 "" && break
			sleep 0.1
		done
		kill -s TERM "$pid"
		wait "$pid"
	} </dev/null >"$dir/log" 2>&1 9>&- || true
	if [ -s "$dir/kafka.jsa" ]; then mv "$dir/kafka.jsa" "$home/kafka.jsa"; fi
	rm -rf "$dir"
}

# ---- a little of Kafka's protocol (https://kafka.apache.org/protocol) -----------------------------
# Enough to ask whether a broker is there and to make a topic, without a second of Java for each.

# Integers and strings as \x escapes, big-endian.
wire_int8() { printf '\\x%02x' "$(($1 & 255))"; }
wire_int16() { wire_int8 $(($1 >> 8)) && wire_int8 "$1"; }
wire_int32() { wire_int16 $(($1 >> 16)) && wire_int16 "$1"; }
wire_string() { wire_int16 ${#1} && printf '%s' "$1"; }

# kafka_request PORT KEY VERSION BODY: sends a request (correlation id 7, no client name), prints
# the answer's body in hex. The body is given as escapes.
# In a shell of its own, which dies if the broker hangs up.
kafka_request() (
	limit=${KAFKA_REQUEST_TIMEOUT_S:-5}
	request=$(wire_int16 "$2" && wire_int16 "$3" && wire_int32 7 && wire_int16 -1 && printf '%s' "$4")
	length=$(printf '%b' "$request" | wc -c)
	exec {fd}<>"/dev/tcp/127.0.0.1/$1" || exit 1
	printf '%b' "$(wire_int32 "$length")$request" >&"$fd"
	length=$(timeout "$limit" head -c 4 <&"$fd" | hex)
	[ ${#length} = 8 ] || exit 1
	reply=$(timeout "$limit" head -c $((16#$length)) <&"$fd" | hex)
	[ "${reply:0:8}" = 00000007 ] || exit 1
	echo "${reply:8}"
)

hex() { od -An -v -tx1 | tr -d ' \n'; }

# kafka_create_topic PORT TOPIC PARTITIONS: CreateTopics, version 2; it may exist already (36).
kafka_create_topic() {
	local body reply at
	body=$(wire_int32 1 && wire_string "$2" && wire_int32 "$3" && wire_int16 1 &&
		wire_int32 0 && wire_int32 0 && wire_int32 10000 && wire_int8 0)
	reply=$(kafka_request "$1" 19 2 "$body") || return 1
	# throttle time, number of topics, name, then the error.
	at=$((2 * (4 + 4 + 2 + ${#2})))
	case ${reply:$at:4} in
	0000 | 0024) ;;
	*) say "topic '$2': Kafka answers with error $((16#${reply:$at:4}))" && return 1 ;;
	esac
}

create_source_topic() {
	kafka_create_topic "$(port kafka-local "$1")" "$1.$source_topic" "${BRAID_SOURCE_PARTITIONS:-1}" ||
		fail_with_log "kafka-$1" "the source topic could not be made"
}
