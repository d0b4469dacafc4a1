<?php
// SPDX-License-Identifier: Apache-2.0
namespace Braid\Outbox;

use ManualLogEntry;
use MediaWiki\Hook\ArticleRevisionVisibilitySetHook;
use MediaWiki\Hook\PageMoveCompletingHook;
use MediaWiki\Page\Hook\ArticleUndeleteHook;
use MediaWiki\Page\Hook\PageDeleteCompleteHook;
use MediaWiki\Page\Hook\RevisionFromEditCompleteHook;
use MediaWiki\Page\ProperPageIdentity;
use MediaWiki\Page\WikiPageFactory;
use MediaWiki\Permissions\Authority;
use MediaWiki\Revision\RevisionRecord;
use MediaWiki\Revision\RevisionStore;
use MediaWiki\Revision\SlotRecord;
use RequestContext;
use Title;
use WikiPage;
use Wikimedia\Rdbms\IDatabase;
use Wikimedia\Rdbms\ILoadBalancer;

/**
 * Writes one event to the outbox for each change of a page.
 *
 * MediaWiki's better known hooks (PageSaveComplete, PageMoveComplete) run in deferred updates,
 * after the change is committed: a server that dies in between loses the event. The ones used here
 * run inside the transaction, so that change and event are there together or not at all:
 *
 * - RevisionFromEditComplete: after the revision is inserted, in the same atomic section.
 * - PageMoveCompleting: last in the atomic section of a move.
 * - PageDeleteComplete: after the atomic section of a deletion, but in a web request or a job still
 *   before the commit, because there all sections share one transaction. A maintenance script
 *   commits at the end of the section: if it is killed just then, braid-outbox fills in the event.
 * - ArticleUndelete: in the atomic section; the row is written just before the commit, because
 *   only then the entry in the log is there.
 * - ArticleRevisionVisibilitySet runs after the commit. A trigger has noted the change by then
 *   (sql/sqlite.sql), and the hook only fills in the event.
 */
class PageHooks implements
	RevisionFromEditCompleteHook,
	PageMoveCompletingHook,
	PageDeleteCompleteHook,
	ArticleUndeleteHook,
	ArticleRevisionVisibilitySetHook
{
	private ILoadBalancer $loadBalancer;
	private RevisionStore $revisionStore;
	private WikiPageFactory $wikiPageFactory;

	public function __construct( ILoadBalancer $loadBalancer, RevisionStore $revisionStore, WikiPageFactory $wikiPageFactory ) {
		$this->loadBalancer = $loadBalancer;
		$this->revisionStore = $revisionStore;
		$this->wikiPageFactory = $wikiPageFactory;
	}

	/** Creations and edits. Moves, protections and uploads come here too, with a null revision. */
	public function onRevisionFromEditComplete( $wikiPage, $rev, $originalRevId, $user, &$tags ) {
		$parent = $this->parentOf( $rev );
		if ( $parent && self::hasSameContent( $rev, $parent ) ) {
			return;
		}
		$fields = [
			'page' => EventBuilder::page( $wikiPage ),
			'performer' => EventBuilder::user( $user ),
			'revision' => EventBuilder::revision( $rev ),
		];
		if ( $parent ) {
			$fields['prior_state'] = [ 'revision' => EventBuilder::revision( $parent ) ];
		}
		$event = EventBuilder::event( $parent ? 'edit' : 'create', $rev->getTimestamp(), $wikiPage->getTitle(), $fields );
		$this->insert( "rev:{$rev->getId()}", $event );
	}

	public function onPageMoveCompleting( $old, $new, $user, $pageid, $redirid, $reason, $revision ) {
		$oldTitle = Title::newFromLinkTarget( $old );
		$page = $this->wikiPageFactory->newFromID( $pageid, WikiPage::READ_LATEST );
		$fields = [
			'page' => EventBuilder::page( $page ),
			'performer' => EventBuilder::user( $user ),
			'comment' => $reason,
			'revision' => EventBuilder::revision( $revision ),
		];
		if ( $redirid ) {
			$fields['created_redirect_page'] = EventBuilder::pageOf( $oldTitle, $redirid, true );
		}
		// Of the page before the move, what differs.
		$fields['prior_state']['page']['page_title'] = $oldTitle->getPrefixedDBkey();
		if ( $oldTitle->getNamespace() !== $page->getNamespace() ) {
			$fields['prior_state']['page']['namespace_id'] = $oldTitle->getNamespace();
		}
		$parent = $this->parentOf( $revision );
		if ( $parent ) {
			$fields['prior_state']['revision'] = EventBuilder::revision( $parent );
		}
		$event = EventBuilder::event( 'move', $revision->getTimestamp(), $page->getTitle(), $fields );
		$this->insert( "rev:{$revision->getId()}", $event );
	}

	public function onPageDeleteComplete(
		ProperPageIdentity $page, Authority $deleter, string $reason, int $pageID,
		RevisionRecord $deletedRev, ManualLogEntry $logEntry, int $archivedRevisionCount
	) {
		$title = Title::castFromPageIdentity( $page );
		$wikiPage = $this->wikiPageFactory->newFromTitle( $page );
		$fields = [
			'page' => EventBuilder::pageOf( $title, $pageID, $wikiPage->isRedirect() ) +
				[ 'revision_count' => $archivedRevisionCount ],
			'comment' => $reason,
			'revision' => EventBuilder::revision( $deletedRev ),
		];
		$target = $deletedRev->getContent( SlotRecord::MAIN, RevisionRecord::RAW );
		$target = $target ? $target->getRedirectTarget() : null;
		if ( $target && $logEntry->getType() !== 'suppress' ) {
			$fields['page']['redirect_page_link'] = EventBuilder::redirectTarget( $target );
		}
		if ( $logEntry->getType() === 'suppress' ) {
			$fields['prior_state']['revision'] = EventBuilder::visibility( $deletedRev->getVisibility() );
			$fields['revision'] = EventBuilder::visibility( RevisionRecord::SUPPRESSED_ALL ) +
				array_diff_key( $fields['revision'], array_flip(
					[ 'rev_size', 'rev_sha1', 'comment', 'editor', 'content_slots' ] ) );
		} else {
			$fields['performer'] = EventBuilder::user( $deleter->getUser() );
		}
		$event = EventBuilder::event( 'delete', $logEntry->getTimestamp(), $title, $fields );
		$dbw = $this->loadBalancer->getConnection( DB_PRIMARY );
		$this->insert( 'log:' . $this->lastLogId( $dbw, $title, $logEntry->getType() ), $event );
	}

	public function onArticleUndelete( $title, $create, $comment, $oldPageId, $restoredPages ) {
		$page = $this->wikiPageFactory->newFromTitle( $title );
		$page->loadPageData( WikiPage::READ_LATEST );
		$fields = [
			'page' => EventBuilder::page( $page ),
			// The hook does not say who it was.
			'performer' => EventBuilder::user( RequestContext::getMain()->getUser() ),
			'comment' => $comment,
			'revision' => EventBuilder::revision( $page->getRevisionRecord() ),
		];
		if ( $oldPageId && $oldPageId !== $page->getId() ) {
			$fields['prior_state'] = [ 'page' => [ 'page_id' => $oldPageId ] ];
		}
		$event = EventBuilder::event( 'undelete', wfTimestampNow(), $title, $fields );
		$dbw = $this->loadBalancer->getConnection( DB_PRIMARY );
		$dbw->onTransactionPreCommitOrIdle(
			function () use ( $dbw, $title, $event ) {
				$this->insert( 'log:' . $this->lastLogId( $dbw, $title, 'delete' ), $event );
			},
			__METHOD__
		);
	}

	public function onArticleRevisionVisibilitySet( $title, $ids, $visibilityChangeMap ) {
		foreach ( $visibilityChangeMap as $revId => $change ) {
			$rev = $this->revisionStore->getRevisionById( $revId, RevisionStore::READ_LATEST );
			if ( $rev && $rev->isCurrent() ) {
				$this->fillInVisibilityChange( $title, $rev, $change );
			}
		}
	}

	private function fillInVisibilityChange( Title $title, RevisionRecord $rev, array $change ): void {
		$now = EventBuilder::visibility( $change['newBits'] );
		$fields = [
			'page' => EventBuilder::page( $this->wikiPageFactory->newFromTitle( $title ) ),
			'revision' => EventBuilder::revision( $rev ),
			'prior_state' => [
				'revision' => array_diff_assoc( EventBuilder::visibility( $change['oldBits'] ), $now ),
			],
		];
		if ( !( ( $change['oldBits'] | $change['newBits'] ) & RevisionRecord::DELETED_RESTRICTED ) ) {
			$fields['performer'] = EventBuilder::user( RequestContext::getMain()->getUser() );
		}
		$event = EventBuilder::event( 'visibility_change', wfTimestampNow(), $title, $fields );
		// The trigger's row that nobody has taken. braid-outbox takes it if this comes too late.
		$dbw = $this->loadBalancer->getConnection( DB_PRIMARY );
		$dbw->update(
			'braid_outbox',
			[ 'bo_dc' => self::dc(), 'bo_event' => self::encode( $event ) ],
			[ 'bo_rev_id' => $rev->getId(), 'bo_prior' => $change['oldBits'], 'bo_dc' => null, 'bo_event' => null, 'bo_shipped' => null ],
			__METHOD__
		);
	}

	/** The parent, from the primary; null if the revision has none. */
	private function parentOf( RevisionRecord $rev ): ?RevisionRecord {
		$id = $rev->getParentId();
		return $id ? $this->revisionStore->getRevisionById( $id, RevisionStore::READ_LATEST ) : null;
	}

	/** A null revision has taken over every slot of its parent and added or dropped none. */
	private static function hasSameContent( RevisionRecord $rev, RevisionRecord $parent ): bool {
		foreach ( $rev->getSlots()->getSlots() as $slot ) {
			if ( !$slot->isInherited() ) {
				return false;
			}
		}
		return count( $rev->getSlotRoles() ) === count( $parent->getSlotRoles() );
	}

	private function lastLogId( IDatabase $dbw, Title $title, string $type ): int {
		return (int)$dbw->selectField(
			'logging',
			'MAX(log_id)',
			[ 'log_namespace' => $title->getNamespace(), 'log_title' => $title->getDBkey(), 'log_type' => $type ],
			__METHOD__
		);
	}

	private function insert( string $about, array $event ): void {
		$this->loadBalancer->getConnection( DB_PRIMARY )->insert(
			'braid_outbox',
			[
				'bo_dc' => self::dc(),
				'bo_about' => $about,
				'bo_page_id' => $event['page']['page_id'],
				'bo_rev_id' => $event['revision']['rev_id'],
				'bo_event' => self::encode( $event ),
			],
			__METHOD__
		);
	}

	private static function encode( array $event ): string {
		return json_encode( $event, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR );
	}

	private static function dc(): string {
		global $wgBraidOutboxDC;
		if ( $wgBraidOutboxDC === '' ) {
			throw new \RuntimeException( 'BraidOutbox: $wgBraidOutboxDC is not set, so the change has been refused' );
		}
		return $wgBraidOutboxDC;
	}
}
