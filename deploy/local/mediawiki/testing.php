<?php
// SPDX-License-Identifier: Apache-2.0
// What only tests want: faults on demand, a second slot, and a way to write it.

/**
 * Applies faults to this request. $spec is a list of words, separated by commas:
 *   sleep=MS         wait first
 *   status=N         answer with HTTP status N and nothing useful
 *   garbage          answer 200 with bytes that are not JSON
 *   maxlag=S         a database that lags by S seconds (seen by clients that send maxlag)
 *   readonly         writes are refused
 *   resultsize=N     answers of the API are cut at N bytes
 *   ratelimit        one edit a minute
 *   dbdown           the database cannot be opened
 *   exception        the API module throws
 *   fatal            PHP runs out of memory
 *   private          nobody may read
 *   percent=N        the words after it count for N percent of the requests only
 *   reads            the words after it count for requests that only read
 * But for status and garbage, MediaWiki's own code makes the answer.
 */
function braidApplyFaults( string $spec, bool $isRead ): void {
	global $wgHooks, $wgReadOnly, $wgAPIMaxResultSize, $wgRateLimits, $wgDBservers, $wgGroupPermissions;
	foreach ( array_filter( explode( ',', trim( $spec ) ) ) as $fault ) {
		[ $name, $value ] = explode( '=', $fault, 2 ) + [ 1 => '' ];
		switch ( $name ) {
			case 'percent':
				if ( mt_rand( 1, 100 ) > (int)$value ) {
					return;
				}
				break;
			case 'reads':
				if ( !$isRead ) {
					return;
				}
				break;
			case 'sleep':
				usleep( 1000 * (int)$value );
				break;
			case 'status':
				http_response_code( (int)$value );
				header( 'Content-Type: text/html' );
				echo "<html><body>injected $value</body></html>\n";
				exit( 0 );
			case 'garbage':
				header( 'Content-Type: application/json' );
				echo '{"query":{"pages":[{"revi';
				exit( 0 );
			case 'maxlag':
				$wgHooks['ApiMaxLagInfo'][] = static function ( &$info ) use ( $value ) {
					$info = [ 'host' => 'db1', 'lag' => (float)$value, 'type' => 'db' ];
				};
				break;
			case 'readonly':
				$wgReadOnly = 'Maintenance in progress';
				break;
			case 'resultsize':
				$wgAPIMaxResultSize = (int)$value;
				break;
			case 'ratelimit':
				$wgRateLimits = [ 'edit' => [ 'user' => [ 1, 60 ], 'ip' => [ 1, 60 ], 'newbie' => [ 1, 60 ] ] ];
				break;
			case 'dbdown':
				$wgDBservers[0]['dbDirectory'] = '/nonexistent';
				break;
			case 'exception':
				$wgHooks['ApiCheckCanExecute'][] = static function () {
					throw new RuntimeException( 'injected' );
				};
				break;
			case 'fatal':
				$wgHooks['ApiCheckCanExecute'][] = static function () {
					ini_set( 'memory_limit', '64M' );
					for ( $hog = []; ; ) {
						$hog[] = str_repeat( 'x', 1000000 );
					}
				};
				break;
			case 'private':
				$wgGroupPermissions['*']['read'] = false;
				break;
		}
	}
}

if ( PHP_SAPI !== 'cli' ) {
	braidApplyFaults( $_SERVER['HTTP_X_BRAID_FAULT'] ?? '', $braidIsRead );
	// Of this front end: whatever client asks it.
	$braidFaultFile = "$braidState/" . getenv( 'BRAID_DC' ) . '/fault';
	if ( is_file( $braidFaultFile ) ) {
		braidApplyFaults( file_get_contents( $braidFaultFile ), $braidIsRead );
	}
}

// A second slot, as MediaInfo is one.
$wgHooks['MediaWikiServices'][] = static function ( $services ) {
	$services->addServiceManipulator( 'SlotRoleRegistry', static function ( $registry ) {
		$registry->defineRoleWithModel( 'extra', CONTENT_MODEL_JSON );
	} );
};

/** action=braidslots: like action=edit, but writes the slots main and extra in one revision. */
class ApiBraidSlots extends ApiBase {
	public function execute() {
		$params = $this->extractRequestParams();
		$title = Title::newFromText( $params['title'] );
		if ( !$title || !$title->canExist() ) {
			$this->dieWithError( [ 'apierror-invalidtitle', wfEscapeWikiText( $params['title'] ) ] );
		}
		$this->checkTitleUserPermissions( $title, 'edit' );
		$updater = MediaWiki\MediaWikiServices::getInstance()->getWikiPageFactory()
			->newFromTitle( $title )->newPageUpdater( $this->getUser() );
		$updater->setContent( 'main', new WikitextContent( $params['text'] ) );
		$updater->setContent( 'extra', new JsonContent( $params['extra'] ) );
		$rev = $updater->saveRevision( CommentStoreComment::newUnsavedComment( $params['summary'] ) );
		if ( !$updater->wasSuccessful() ) {
			$this->dieStatus( $updater->getStatus() );
		}
		$this->getResult()->addValue( null, $this->getModuleName(),
			[ 'result' => 'Success', 'newrevid' => $rev ? $rev->getId() : 0 ] );
	}

	public function getAllowedParams() {
		return [
			'title' => [ ApiBase::PARAM_REQUIRED => true ],
			'text' => [ ApiBase::PARAM_TYPE => 'text', ApiBase::PARAM_REQUIRED => true ],
			'extra' => [ ApiBase::PARAM_TYPE => 'text', ApiBase::PARAM_REQUIRED => true ],
			'summary' => [ ApiBase::PARAM_DFLT => '' ],
		];
	}

	public function mustBePosted() {
		return true;
	}

	public function isWriteMode() {
		return true;
	}

	public function needsToken() {
		return 'csrf';
	}
}
$wgAPIModules['braidslots'] = ApiBraidSlots::class;
