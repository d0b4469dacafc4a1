<?php
// SPDX-License-Identifier: Apache-2.0
namespace Braid\Outbox;

use MediaWiki\Installer\Hook\LoadExtensionSchemaUpdatesHook;

/**
 * Creates the outbox when update.php runs. A class of its own, because at that time no services
 * may be asked for.
 */
class SchemaHooks implements LoadExtensionSchemaUpdatesHook {

	public function onLoadExtensionSchemaUpdates( $updater ) {
		$type = $updater->getDB()->getType();
		$updater->addExtensionTable( 'braid_outbox', dirname( __DIR__ ) . "/sql/$type.sql" );
	}
}
