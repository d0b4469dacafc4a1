<?php
// SPDX-License-Identifier: Apache-2.0
// The settings of the local wiki farm: one code base, one folder of databases, two front ends.
//
// The front end is named by BRAID_DC and BRAID_WIKI_PORT (set for php-fpm by `wiki`), the wiki by
// the Host of the request, or by BRAID_WIKI for maintenance scripts.
if ( !defined( 'MEDIAWIKI' ) ) {
	exit;
}
$braidState = getenv( 'BRAID_WIKI_STATE' );
$braidWikis = [ 'test.wiki.localhost' => 'testwiki', 'fr.wiki.localhost' => 'frwiki' ];
$braidHost = strtolower( preg_replace( '/:\d+$/', '', $_SERVER['HTTP_HOST'] ?? '' ) );
if ( getenv( 'BRAID_WIKI' ) ) {
	$wgDBname = getenv( 'BRAID_WIKI' );
	$braidHost = array_search( $wgDBname, $braidWikis );
} elseif ( isset( $braidWikis[$braidHost] ) ) {
	$wgDBname = $braidWikis[$braidHost];
} else {
	http_response_code( 404 );
	header( 'Content-Type: text/plain' );
	echo "No wiki for host '$braidHost'; there are ", implode( ' and ', array_keys( $braidWikis ) ), "\n";
	exit( 1 );
}

$wgSitename = $wgDBname;
$wgServer = "http://$braidHost:" . getenv( 'BRAID_WIKI_PORT' );
// The same for both front ends: it stands in the events.
$wgCanonicalServer = "http://$braidHost";
$wgScriptPath = '/w';
$wgArticlePath = '/wiki/$1';
$wgUsePathInfo = true;
$wgLanguageCode = 'en';

// SQLite in WAL mode: readers never wait for a writer. Both front ends write the same files, and a
// transaction that read first and then wants to write fails at once if another has written in
// between; one that takes the write lock first waits for its turn. So requests that write do that.
$braidIsRead = in_array( $_REQUEST['action'] ?? 'query', [ 'query', 'parse', 'compare' ] )
	&& ( $_REQUEST['meta'] ?? '' ) !== 'tokens';
$braidWrites = PHP_SAPI !== 'cli' && ( $_SERVER['REQUEST_METHOD'] ?? '' ) === 'POST' && !$braidIsRead;
$wgDBtype = 'sqlite';
$wgDBserver = '';
$wgDBuser = '';
$wgDBpassword = '';
$wgSQLiteDataDir = "$braidState/data";
$braidDatabase = [
	'host' => '', 'user' => '', 'password' => '', 'type' => 'sqlite', 'tablePrefix' => '',
	'dbDirectory' => $wgSQLiteDataDir, 'variables' => [ 'synchronous' => 'OFF' ], 'flags' => 0,
];
$wgDBservers = [ [ 'dbname' => $wgDBname, 'flags' => DBO_DEFAULT, 'load' => 1,
	'trxMode' => $braidWrites ? 'IMMEDIATE' : 'DEFERRED' ] + $braidDatabase ];
$wgJobTypeConf['default'] = [ 'class' => 'JobQueueDB', 'claimTTL' => 3600,
	'server' => [ 'dbname' => "{$wgDBname}_jobqueue", 'trxMode' => 'IMMEDIATE' ] + $braidDatabase ];
$wgObjectCaches[CACHE_DB] = [ 'class' => SqlBagOStuff::class, 'loggroup' => 'SQLBagOStuff',
	'server' => [ 'dbname' => 'wikicache', 'trxMode' => 'IMMEDIATE' ] + $braidDatabase ];

// Nothing about pages is cached inside one front end: the other would go on showing what has been
// hidden or deleted through this one.
$wgMainCacheType = CACHE_NONE;
$wgMessageCacheType = CACHE_NONE;
$wgSessionCacheType = CACHE_DB;
$wgParserCacheType = CACHE_NONE;
$wgCacheDirectory = "$braidState/cache";
$wgLocalisationCacheConf['store'] = 'array';

$wgJobRunRate = 0;
$wgUploadDirectory = "$braidState/images";
$wgTmpDirectory = "$braidState/tmp";
// The farm listens on loopback only; nothing here is a secret.
$wgSecretKey = str_repeat( 'e2a1', 16 );
$wgAuthenticationTokenVersion = '1';
$wgEnableEmail = false;
$wgPingback = false;
$wgRateLimits = [];
$wgGroupPermissions['sysop']['deleterevision'] = true;
$wgGroupPermissions['sysop']['deletelogentry'] = true;
$wgGroupPermissions['suppress']['suppressrevision'] = true;
$wgGroupPermissions['suppress']['viewsuppressed'] = true;

wfLoadExtension( 'BraidOutbox', getenv( 'BRAID_WIKI_EXTENSION' ) . '/extension.json' );
// Maintenance scripts have no front end; what they change is published by the first.
$wgBraidOutboxDC = getenv( 'BRAID_DC' ) ?: 'eqiad';

wfLoadExtension( 'Cite' );

require __DIR__ . '/testing.php';
